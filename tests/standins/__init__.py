"""Government systems that are not here, speaking the same contract over real HTTP; for tests and the demo."""
