"""What each part of a scenario brings and costs: held-out data replayed with and without it. See command."""
