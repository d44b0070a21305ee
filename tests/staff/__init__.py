"""Tests of the people of the admin: what they may give, how they sign in, how long they stay."""
