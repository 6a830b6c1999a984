"""What runs inside of workers and beat, driven by hand."""
