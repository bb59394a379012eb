"""`python -m dataset_builder.prompts`: locks the prompt files as they are now."""

from dataset_builder.prompts import write_lock

if __name__ == "__main__":
    write_lock()
