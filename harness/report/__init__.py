"""What a person or a machine reads of a plan, a run or a verdict."""
