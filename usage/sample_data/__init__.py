"""Sample usage rows of past months, for measurements and for trying out pages. The same seed gives the same rows.

Teams, keys and so on have ids from 900,001 up, and providers, models and routes names of their own.
"""
