"""What the streamer of docs/trace.md writes of a small random DiffusionGemma.

    python tests/oracle/drafts.py docs/trace.md tests/src/test/resources

needs torch and transformers. It takes the streamer out of the page as it stands there, lets transformers generate with it, and writes
drafts.jsonl, what the streamer wrote, and drafts.txt, the text that transformers returned, up to its end.
"""
import pathlib, re, sys

import torch
from tokenizers import Tokenizer, decoders, models
from transformers import DiffusionGemmaConfig, DiffusionGemmaForBlockDiffusion, PreTrainedTokenizerFast

WORDS, PROMPT, CANVAS = 320, 9, 16
ENDS = [1, *range(20, 26)]  # more than one, so that the text ends within a canvas
CONFIG = dict(
    canvas_length=CANVAS,
    text_config=dict(
        vocab_size=WORDS, hidden_size=64, intermediate_size=96, moe_intermediate_size=24, num_experts=8, top_k_experts=2, num_hidden_layers=4,
        num_attention_heads=4, num_key_value_heads=2, head_dim=16, sliding_window=8, max_position_embeddings=256, pad_token_id=0, bos_token_id=2,
        eos_token_id=1, layer_types=["sliding_attention", "full_attention"] * 2,
        per_layer_config={layer: dict(head_dim=32, num_key_value_heads=1) for layer in ("1", "3")}),
    vision_config=dict(model_type="gemma4_vision", hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=1,
                       num_key_value_heads=1, head_dim=16))


def tokenizer():
    """Words with a space before each, as most vocabularies have them."""
    names = {"<pad>": 0, "<eos>": 1, "<bos>": 2} | {f" w{id}": id for id in range(3, WORDS)}
    words = Tokenizer(models.WordLevel(names, unk_token="<pad>"))
    words.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>", eos_token="<eos>", bos_token="<bos>")


page, folder = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
exec(re.search(r"```python\n(import json\n.*?class Drafts.*?)```", page.read_text(), re.S).group(1))

torch.manual_seed(SEED := 4)
model = DiffusionGemmaForBlockDiffusion(DiffusionGemmaConfig(**CONFIG)).eval()
for weight in model.parameters():
    if weight.dim() > 1:
        torch.nn.init.normal_(weight, std=0.1)
words, prompt = tokenizer(), torch.randint(30, WORDS, (1, PROMPT))
model.generation_config.eos_token_id = ENDS
with open(folder / "drafts.jsonl", "w") as file:
    written = model.generate(input_ids=prompt, attention_mask=torch.ones_like(prompt), streamer=Drafts(words, file, ENDS),
                             max_new_tokens=6 * CANVAS, max_denoising_steps=8).sequences[0, PROMPT:].tolist()
end = min((written.index(id) for id in ENDS if id in written), default=len(written))
assert CANVAS < end < len(written), f"the text ends after {end} tokens: take another seed"
(folder / "drafts.txt").write_text(words.decode(written[:end]))
