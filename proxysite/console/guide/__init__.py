"""The set-up guide: from an empty installation to the first answer of a provider that is not the demo."""
