"""Documents in and out: reading and checking corpora and label files, cutting them into chunks, result lines.

Knows nothing of jobs, databases or models beyond the values of `models.types`.
"""
