"""Tests of people who come, forget, and leave: invitations, passwords, memberships."""
