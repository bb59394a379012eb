"""The `curator` row of bench_generate, run by the interpreter of curator's own environment: prints one JSON line.

    python curator_row.py http://127.0.0.1:8000/v1 3840 64

curator counts prompt tokens with an encoding that tiktoken downloads; here the count of words stands in for it, which
costs curator less than its own.
"""

import json
import os
import resource
import sys
import tempfile
import time


class Words:
    """The part of a tiktoken encoding that curator calls."""

    name = "words"

    def encode(self, text: str, *_: object, **__: object) -> list[str]:
        return text.split()


def main(url: str, count: int, in_flight: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"OPENAI_API_KEY": "none", "TELEMETRY_ENABLED": "0", "CURATOR_DISABLE_RICH_DISPLAY": "1"}
        os.environ |= {"CURATOR_CACHE_DIR": folder, "HF_HOME": folder}
        import tiktoken

        tiktoken.get_encoding = tiktoken.encoding_for_model = lambda *_, **__: Words()
        from bespokelabs import curator

        limits = {"max_requests_per_minute": 10**7, "max_tokens_per_minute": 10**10}
        model = curator.LLM(
            model_name="test-model",
            backend="openai",
            backend_params={"base_url": url, "api_key": "none", "max_concurrent_requests": in_flight, **limits},
        )
        prompts = ["Problem: plums. " * 60 + f"{number}\nSub-questions:" for number in range(count)]
        cpu, started = time.process_time(), time.perf_counter()
        model(prompts)
        wall_s = time.perf_counter() - started
        facts = {"requests": count, "wall_s": wall_s, "asking_s": wall_s, "cpu_s": time.process_time() - cpu}
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps(facts | {"memory_mb": {"at 100 %": peak_mb}}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
