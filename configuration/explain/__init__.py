"""Explain: the decision about one request, made by the code that serves live traffic. Sends and stores nothing."""
