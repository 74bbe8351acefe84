"""For a developer's own machine: samples with the lens and the engine of the workbench, without a home."""
