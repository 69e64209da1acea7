"""A small language model that writes a text again with its entities tagged, in the manner of examples it is shown.

IF-WRANER (Nandi and Agrawal, EMNLP 2024 Industry) shows a large language model the labels, a few tagged examples and
the text, and has it write the answer. This one does so with a few layers on top of a frozen encoder: labels are one
vector each, examples are words in context with their tags added, and the answer is written word by word, each word
copied from the text and each tag chosen in sight of those before it. Attention is that of a prefix language model: free
within the prompt, causal over the answer. Owns the network alone; prompts, decoding and training are elsewhere.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Sequence

#: A tag is 0 for outside, 1 for the word that goes on with the entity before it, 2 + position of the label for one that
#: begins an entity of that label.
OUTSIDE, INSIDE, BEGIN = 0, 1, 2
#: Least share that counts, and log-odds of what is certain.
_LEAST, _CERTAIN = 1e-9, 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class InContextConfig:
    """Everything that the weights' shapes depend on."""

    #: Width of the encoder's states, and of the layers.
    width: int = 384
    layers: int = 3
    heads: int = 12
    #: Inner width of a layer.
    inner: int = 1536
    #: Most words of a text or an example that are told apart by their position.
    positions: int = 256

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompts:
    """Prompts as tensors, padded: b prompts, l labels, e words of all examples, n words of the text, states of d."""

    labels: Tensor  # (b, l, d)
    label_mask: Tensor  # (b, l)
    examples: Tensor  # (b, e, d)
    #: Which example each word belongs to, counted from 0; -1 on padding.
    groups: Tensor  # (b, e)
    #: Position of each word in its example.
    places: Tensor  # (b, e)
    #: Tag of each word, and the label (position, or -1) of the entity it belongs to.
    tags: Tensor  # (b, e), OUTSIDE, INSIDE or BEGIN
    owners: Tensor  # (b, e)
    text: Tensor  # (b, n, d)
    text_mask: Tensor  # (b, n)

    def to(self, device: torch.device) -> Prompts:
        """The same prompts on another device."""
        return Prompts(**{name: getattr(self, name).to(device) for name in self.__dataclass_fields__})

    def rows(self, kept: Tensor) -> Prompts:
        """Some of the prompts, by a mask (b,)."""
        return Prompts(**{name: getattr(self, name)[kept] for name in self.__dataclass_fields__})


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What answers attend to: keys and values (b, heads, m, d / heads) of each layer, and which of the m are there."""

    keys: list[Tensor]
    values: list[Tensor]
    mask: Tensor  # (b, m)
    #: What each label is matched by, (b, l, d).
    labels: Tensor
    label_mask: Tensor
    #: Unit vectors (b, e, d) of the examples' words, and where there are any; the tag of each, (b, e, 2 + l).
    words: Tensor
    word_mask: Tensor
    tagged: Tensor

    def rows(self, kept: Tensor) -> Memory:
        """That of some of the prompts, by a mask (b,)."""
        return Memory(
            keys=[each[kept] for each in self.keys],
            values=[each[kept] for each in self.values],
            mask=self.mask[kept],
            labels=self.labels[kept],
            label_mask=self.label_mask[kept],
            words=self.words[kept],
            word_mask=self.word_mask[kept],
            tagged=self.tagged[kept],
        )


class Layer(nn.Module):
    """A transformer layer as BERT has it, normalised after each half."""

    def __init__(self, config: InContextConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.query = nn.Linear(config.width, config.width)
        self.key = nn.Linear(config.width, config.width)
        self.value = nn.Linear(config.width, config.width)
        self.mixed = nn.Linear(config.width, config.width)
        self.first_norm = nn.LayerNorm(config.width, eps=1e-12)
        self.inner = nn.Linear(config.width, config.inner)
        self.outer = nn.Linear(config.inner, config.width)
        self.second_norm = nn.LayerNorm(config.width, eps=1e-12)

    def remembered(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values of (b, m, d) by head: (b, heads, m, d / heads) each."""
        return self._by_head(self.key(hidden)), self._by_head(self.value(hidden))

    def forward(self, hidden: Tensor, keys: Tensor, values: Tensor, mask: Tensor) -> Tensor:
        """(b, q, d) after looking at keys and values through a mask (b, 1, q, m) or (b, 1, 1, m)."""
        queries = self._by_head(self.query(hidden))
        # Written out: on processors the fused kernel takes twice as long to learn through.
        likeness = (queries * queries.size(-1) ** -0.5) @ keys.transpose(2, 3)
        weights = likeness.masked_fill(~mask, torch.finfo(likeness.dtype).min).softmax(-1)
        hidden = self.first_norm(hidden + self.mixed((weights @ values).transpose(1, 2).flatten(2)))
        halfway = self.outer(functional.gelu(self.inner(hidden)))
        normed: Tensor = self.second_norm(hidden + halfway)
        return normed

    def _by_head(self, vectors: Tensor) -> Tensor:
        b, m, d = vectors.shape
        return vectors.view(b, m, self.heads, d // self.heads).transpose(1, 2)


class InContextModel(nn.Module):
    """The layers over the encoder's states, and what they read and write."""

    def __init__(self, config: InContextConfig) -> None:
        super().__init__()
        self.config = config
        d = config.width
        self.word_in = nn.Sequential(nn.LayerNorm(d), nn.Linear(d, d))
        self.label_in = nn.Sequential(nn.LayerNorm(d), nn.Linear(d, d))
        self.tag_in = nn.Embedding(3, d)
        self.owner_in = nn.Linear(d, d)
        self.role = nn.Embedding(4, d)
        self.place = nn.Embedding(config.positions, d)
        self.norm_in = nn.LayerNorm(d)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.label_key = nn.Linear(d, d)
        self.begin_query = nn.Linear(d, d)
        self.others = nn.Linear(d, 2)
        for embedding in (self.tag_in, self.role, self.place):
            nn.init.normal_(embedding.weight, std=0.02)
        self.log_scale = nn.Parameter(torch.tensor(2.0))
        self.copied = nn.Linear(d, d, bias=False)
        self.log_sharpness = nn.Parameter(torch.tensor(3.0))
        self.gate = nn.Linear(d + 1, 1)
        nn.init.eye_(self.copied.weight)
        nn.init.zeros_(self.gate.weight)

    def read(self, prompts: Prompts) -> Memory:
        """What the prompt is to an answer; nothing of an answer is in it."""
        labels = self.label_in(prompts.labels)
        hidden = torch.cat([self._labels(labels), self._examples(prompts, labels), self._text(prompts)], 1)
        mask = prompt_mask(prompts)
        keys, values = [], []
        for layer in self._stack():
            key, value = layer.remembered(hidden)
            keys.append(key)
            values.append(value)
            if len(keys) == len(self.layers):  # of the last layer, answers need the labels alone
                offered = prompts.label_mask.size(1)
                hidden, mask = hidden[:, :offered], mask[:, :, :offered]
            hidden = layer(hidden, key, value, mask)
        there = torch.cat([prompts.label_mask, prompts.groups >= 0, prompts.text_mask], 1)
        return Memory(
            keys=keys,
            values=values,
            mask=there,
            labels=self.label_key(hidden),
            label_mask=prompts.label_mask,
            words=self._compared(prompts.examples),
            word_mask=prompts.groups >= 0,
            tagged=tag_table(prompts),
        )

    def write(self, prompts: Prompts, memory: Memory, tags: Tensor, owners: Tensor) -> tuple[Tensor, Tensor]:
        """Log-probabilities (b, n, 2 + l) of every word's tag, given the right tags (b, n) of the words before it.

        `owners` (b, n) is the label of the entity that each word belongs to, -1 for none. The second tensor is what the
        layers say alone, before anything is copied from examples.
        """
        before = functional.pad(tags, (1, 0))[:, :-1], functional.pad(owners, (1, 0), value=-1)[:, :-1]
        hidden = self._answer(prompts, *before)
        n = hidden.size(1)
        causal = torch.ones(n, n, dtype=torch.bool, device=hidden.device).tril()
        mask = torch.cat([memory.mask[:, None].expand(-1, n, -1), causal.expand(len(hidden), -1, -1)], 2).unsqueeze(1)
        for layer, key, value in zip(self._stack(), memory.keys, memory.values, strict=True):
            own_key, own_value = layer.remembered(hidden)
            hidden = layer(hidden, torch.cat([key, own_key], 2), torch.cat([value, own_value], 2), mask)
        return self._log_probabilities(hidden, prompts.text, memory, before[0])

    def _stack(self) -> Sequence[Layer]:
        return [layer for layer in self.layers if isinstance(layer, Layer)]

    def _labels(self, labels: Tensor) -> Tensor:
        hidden: Tensor = self.norm_in(labels + self.role.weight[0])
        return hidden

    def _examples(self, prompts: Prompts, labels: Tensor) -> Tensor:
        words = self.word_in(prompts.examples) + self.place(prompts.places.clamp(max=self.config.positions - 1))
        tagged = words + self._tagged(prompts.tags, prompts.owners, labels)
        hidden: Tensor = self.norm_in(tagged + self.role.weight[1])
        return hidden

    def _text(self, prompts: Prompts) -> Tensor:
        hidden: Tensor = self.norm_in(
            self.word_in(prompts.text) + self._places(prompts.text.size(1)) + self.role.weight[2]
        )
        return hidden

    def _answer(self, prompts: Prompts, tags: Tensor, owners: Tensor) -> Tensor:
        words = self.word_in(prompts.text) + self._places(tags.size(1))
        tagged = words + self._tagged(tags, owners, self.label_in(prompts.labels))
        hidden: Tensor = self.norm_in(tagged + self.role.weight[3])
        return hidden

    def _places(self, n: int) -> Tensor:
        places = torch.arange(n, device=self.place.weight.device)
        embedded: Tensor = self.place(places.clamp(max=self.config.positions - 1))
        return embedded

    def _tagged(self, tags: Tensor, owners: Tensor, labels: Tensor) -> Tensor:
        owned = labels.gather(1, owners.clamp(min=0).unsqueeze(-1).expand(-1, -1, labels.size(-1)))
        told: Tensor = self.tag_in(tags) + self.owner_in(owned) * (owners >= 0).unsqueeze(-1)
        return told

    def _compared(self, states: Tensor) -> Tensor:
        return functional.normalize(self.copied(states), dim=-1)

    def _log_probabilities(
        self, hidden: Tensor, words: Tensor, memory: Memory, before: Tensor
    ) -> tuple[Tensor, Tensor]:
        """What the layers say of each word's tag mixed with the tags of like words in the examples, and unmixed."""
        queries = functional.normalize(self.begin_query(hidden), dim=-1)
        begin = self.log_scale.exp() * queries @ functional.normalize(memory.labels, dim=-1).transpose(1, 2)
        begin = begin.float().masked_fill(~memory.label_mask[:, None], float("-inf"))
        # Nothing goes on where nothing has begun.
        stuck = (before == OUTSIDE).unsqueeze(-1)
        others = self.others(hidden).float()
        inside = others[..., 1:].masked_fill(stuck, float("-inf"))
        said = torch.cat([others[..., :1], inside, begin], -1).log_softmax(-1)
        copied, trust = self._copied(hidden, words, memory, stuck)
        mixed = torch.logaddexp(said + functional.logsigmoid(-trust), copied + functional.logsigmoid(trust))
        return mixed.masked_fill(said == float("-inf"), float("-inf")), said

    def _copied(self, hidden: Tensor, words: Tensor, memory: Memory, stuck: Tensor) -> tuple[Tensor, Tensor]:
        """Log-shares (b, n, 2 + l) of the tags of like words in the examples, and how far (b, n, 1) to trust them.

        As nearest neighbours join a language model in Khandelwal et al. (ICLR 2020, section 2), and as words are copied
        in Gu et al. (ACL 2016, section 3); the mixture is learnt.
        """
        likeness = (self._compared(words) @ memory.words.transpose(1, 2)).float()
        likeness = likeness.masked_fill(~memory.word_mask[:, None], -1.0)
        shares = (self.log_sharpness.exp() * likeness).softmax(-1) @ memory.tagged
        shares = torch.cat([shares[..., :1], shares[..., 1:2].masked_fill(stuck, 0.0), shares[..., 2:]], -1)
        shares = shares / shares.sum(-1, keepdim=True).clamp_min(_LEAST)
        trust = self.gate(torch.cat([hidden, likeness.amax(-1, keepdim=True).to(hidden.dtype)], -1)).float()
        nothing = ~memory.word_mask.any(-1)[:, None, None]
        return shares.clamp_min(_LEAST).log(), trust.masked_fill(nothing, -_CERTAIN)


def tag_table(prompts: Prompts) -> Tensor:
    """Each example word's tag as one of (b, e, 2 + l), float32; all zero on padding."""
    tag = torch.where(prompts.tags == BEGIN, BEGIN + prompts.owners, prompts.tags).clamp(min=0)
    table = functional.one_hot(tag, BEGIN + prompts.label_mask.size(1)).float()
    return table * (prompts.groups >= 0).unsqueeze(-1)


def prompt_mask(prompts: Prompts) -> Tensor:
    """Who looks at whom within the prompt, (b, 1, m, m) over labels, example words and text words, in this order.

    Labels look at everything, an example at itself and the labels, the text at all but padding.
    """
    count, n = prompts.label_mask.size(1), prompts.text_mask.size(1)
    there = torch.cat([prompts.label_mask, prompts.groups >= 0, prompts.text_mask], 1)
    alone = prompts.groups.unsqueeze(2) == prompts.groups.unsqueeze(1)  # (b, e, e)
    left = prompts.label_mask.unsqueeze(1).expand(-1, alone.size(1), -1)
    right = torch.zeros(*alone.shape[:2], n, dtype=torch.bool, device=alone.device)
    examples = torch.cat([left, alone, right], 2)
    whole = there.unsqueeze(1)
    return torch.cat([whole.expand(-1, count, -1), examples, whole.expand(-1, n, -1)], 1).unsqueeze(1)
