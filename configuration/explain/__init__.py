"""Explain: the decision about one request, made by the code of live traffic. Sends and stores nothing."""
