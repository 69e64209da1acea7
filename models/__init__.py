"""The brains: encoders, the bi-encoder tagger, its training, decoding and scores. Machine learning only.

Owns nothing of jobs, files or queues and imports nothing else of the project, so that training runs on a
machine that has torch and transformers alone.
"""
