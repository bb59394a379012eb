"""What a recipe needs before it starts: shapes of the backbones, memory, time, the GPU."""
