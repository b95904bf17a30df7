"""How the mini model came to be: the voices, the task, and one readable recipe a stage."""
