"""What a project builds and keeps inside the data domain (`build` mode): tables, models, answers to serve."""
