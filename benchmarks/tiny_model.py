"""Serve a language model of 270 tokens that knows one reply by heart, with llama.cpp's own server.

    python benchmarks/tiny_model.py PORT KEY FILE.gguf REPLY        # needs: pip install gguf xllamacpp

The engine, its chat template, tokens, prompt cache, usage and HTTP are llama.cpp's.  The weights are written here: the
layer adds nothing, each piece of the reply embeds to a direction of its own, and the head maps it to the next piece.
"""

from __future__ import annotations

import re
import sys
import time

import gguf
import numpy as np
import xllamacpp

N_CONTEXT = 65_536
TEMPLATE = "{% for said in messages %}{{ said.role }}: {{ said.content }}\n{% endfor %}assistant:"
LAYER = ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")


def pieces(reply: str) -> list[str]:
    """Return the reply in parts that all differ, words where that can be: each part is one token."""
    words = re.findall(r"\s*\S+|\s+$", reply)
    while len(set(words)) < len(words):
        again = next(at for at, word in enumerate(words) if word in words[:at])
        words[again - 1 : again + 1] = [words[again - 1] + words[again]]
    return words


def write_model(path: str, reply: str) -> None:
    """Write the model as a GGUF file."""
    kinds, said = gguf.TokenType, pieces(reply)
    width = 32 * (len(said) // 32 + 1)
    tokens = [b"<unk>", b"<s>", b"</s>", *(f"<0x{byte:02X}>".encode() for byte in range(256))]
    types = [kinds.UNKNOWN, kinds.CONTROL, kinds.CONTROL, *[kinds.BYTE] * 256]
    first, end = len(tokens), 2
    tokens += [piece.replace(" ", "\N{LOWER ONE EIGHTH BLOCK}").encode() for piece in said]
    types += [kinds.NORMAL] * len(said)

    embedding = np.zeros((len(tokens), width), np.float32)
    embedding[:, 0] = 1.0  # whatever stands in the prompt, the reply begins
    head = np.zeros((len(tokens), width), np.float32)
    for place in range(len(said)):
        embedding[first + place] = 0.0
        embedding[first + place, place + 1] = 1.0
        head[first + place, place] = 10.0
    head[end, len(said)] = 10.0

    file = gguf.GGUFWriter(path, "llama")
    file.add_context_length(N_CONTEXT)
    file.add_embedding_length(width)
    file.add_feed_forward_length(width)
    file.add_block_count(1)
    file.add_head_count(2)
    file.add_head_count_kv(2)
    file.add_layer_norm_rms_eps(1e-5)
    file.add_rope_dimension_count(width // 2)
    file.add_vocab_size(len(tokens))
    file.add_tokenizer_model("llama")
    file.add_token_list(tokens)
    file.add_token_scores([0.0] * len(tokens))
    file.add_token_types(types)
    file.add_bos_token_id(1)
    file.add_eos_token_id(end)
    file.add_unk_token_id(0)
    file.add_add_space_prefix(False)
    file.add_chat_template(TEMPLATE)
    file.add_tensor("token_embd.weight", embedding)
    file.add_tensor("output.weight", head)
    for name in ("output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"):
        file.add_tensor(f"{name}.weight", np.ones(width, np.float32))
    for name in LAYER:
        file.add_tensor(f"blk.0.{name}.weight", np.zeros((width, width), np.float32))
    file.write_header_to_file()
    file.write_kv_data_to_file()
    file.write_tensors_to_file()
    file.close()


def main() -> None:
    """Serve until the process is ended."""
    port, key, path, reply = sys.argv[1:]
    write_model(path, reply)
    wanted = xllamacpp.CommonParams()
    wanted.model.path = path
    wanted.model_alias = {"tiny"}
    wanted.hostnames, wanted.port, wanted.api_keys = ["127.0.0.1"], int(port), [key]
    wanted.n_ctx, wanted.n_parallel, wanted.cpuparams.n_threads, wanted.warmup = N_CONTEXT, 1, 1, False
    server = xllamacpp.Server(wanted)
    print(server.listening_address, flush=True)
    while True:
        time.sleep(60)


if __name__ == "__main__":
    main()
