"""The whole system as users and operators meet it: real servers, real processes, real commands."""
