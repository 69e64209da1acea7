"""Figures that others published, with where they stand and what differs from how ours are measured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainPeer:
    """Strict micro-F1 on CrossNER's test splits, by domain and `average`; what was not published is missing."""

    name: str
    source: str
    differs: str
    f1: dict[str, float]

    def note(self) -> str:
        """A line below a table."""
        return f"{self.name}: {self.source}; {self.differs}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodePeer:
    """Micro-F1 over the test episodes of Few-NERD, inter, by K: 5-way and 10-way."""

    name: str
    source: str
    f1: dict[int, float]
    ten: dict[int, float]

    def of(self, way: int) -> dict[int, float]:
        """The figures for so many types at a time."""
        return self.ten if way == 10 else self.f1


GLINER_L = DomainPeer(
    name="GLiNER-L",
    source="arXiv 2311.08526",
    differs="zero-shot, 0.3B parameters, trained on Pile-NER; type names without descriptions; "
    "the average here is over these five, the 60.9 often quoted is over seven sets",
    f1={"ai": 57.2, "literature": 64.4, "music": 69.6, "politics": 72.6, "science": 62.6, "average": 65.3},
)
GLINER_BI_60M = DomainPeer(
    name="gliner-bi 60M",
    source="arXiv 2602.18487",
    differs="zero-shot bi-encoder (gliner-bi-v2 edge); only the average is published",
    f1={"average": 54.0},
)
GLINER_BI_530M = DomainPeer(
    name="gliner-bi 530M",
    source="arXiv 2602.18487",
    differs="zero-shot bi-encoder (gliner-bi-v2 large); only the average is published",
    f1={"average": 61.5},
)
LST_NER = DomainPeer(
    name="LST-NER",
    source="arXiv 2411.00451, table of results",
    differs="BERT-base, learnt from CoNLL-2003 and the domain's whole train split, `misc` counted",
    f1={"ai": 63.28, "literature": 70.76, "music": 76.83, "politics": 73.25, "science": 70.07, "average": 70.84},
)
IF_WRANER = DomainPeer(
    name="IF-WRANER",
    source="arXiv 2411.00451, table of results",
    differs="7B language model, learnt from CoNLL-2003, five retrieved sentences of the domain's train split "
    "in the prompt, `misc` counted",
    f1={"ai": 68.81, "literature": 75.52, "music": 85.43, "politics": 79.80, "science": 75.31, "average": 76.97},
)
RAG_SENTENCE = DomainPeer(
    name="RAG + GPT-4, by sentence",
    source="arXiv 2411.00451, table of results",
    differs="GPT-4 with five sentences of the domain's train split found by one vector a sentence",
    f1={"ai": 66.91, "literature": 71.32, "music": 83.61, "politics": 78.20, "science": 73.52, "average": 74.71},
)
RAG_WORD = DomainPeer(
    name="RAG + GPT-4, by words",
    source="arXiv 2411.00451, table of results",
    differs="the same with one vector a word",
    f1={"ai": 68.19, "literature": 74.68, "music": 84.25, "politics": 78.63, "science": 73.95, "average": 75.94},
)
GPT_NER = DomainPeer(
    name="GPT-NER",
    source="arXiv 2411.00451, table of results",
    differs="a large language model with examples found by words",
    f1={"ai": 66.07, "literature": 62.18, "music": 78.30, "politics": 74.71, "science": 70.77, "average": 70.41},
)
IN_CONTEXT = (GPT_NER, RAG_SENTENCE, RAG_WORD, IF_WRANER)
ZERO_SHOT = (GLINER_L, GLINER_BI_60M, GLINER_BI_530M)
WHOLE_TRAIN_SPLIT = (LST_NER, IF_WRANER)

#: On the data of the sixth arXiv version; figures on the ACL version's data cannot be compared with these.
EPISODES = (
    EpisodePeer(name="ProtoBERT", source="arXiv 2105.07464v6", f1={1: 38.83, 5: 58.79}, ten={1: 32.45, 5: 52.92}),
    EpisodePeer(name="NNShot", source="arXiv 2105.07464v6", f1={1: 47.24, 5: 55.64}, ten={1: 38.87, 5: 49.57}),
    EpisodePeer(name="StructShot", source="arXiv 2105.07464v6", f1={1: 51.88, 5: 57.32}, ten={1: 43.34, 5: 49.57}),
    EpisodePeer(
        name="CONTaiNER",
        source="arXiv 2109.07589, re-run by HEProto (CIKM 2023)",
        f1={1: 53.49, 5: 62.01},
        ten={1: 47.98, 5: 59.66},
    ),
    EpisodePeer(name="ESD", source="arXiv 2109.13023", f1={1: 59.29, 5: 69.06}, ten={1: 52.16, 5: 64.0}),
    EpisodePeer(name="DecomposedMetaNER", source="arXiv 2204.05751", f1={1: 64.75, 5: 71.49}, ten={1: 58.65, 5: 68.11}),
    EpisodePeer(name="TadNER", source="arXiv 2302.06397", f1={1: 64.83, 5: 72.12}, ten={1: 64.06, 5: 69.94}),
    EpisodePeer(
        name="HEProto", source="CIKM 2023 (fanshu6hao/HEProto)", f1={1: 66.40, 5: 72.53}, ten={1: 60.91, 5: 68.92}
    ),
    EpisodePeer(
        name="NuNER, tuned as TadNER", source="arXiv 2402.15343", f1={1: 67.37, 5: 73.50}, ten={1: 66.54, 5: 71.04}
    ),
    EpisodePeer(name="MSDP", source="arXiv 2308.14533", f1={1: 76.86, 5: 84.78}, ten={1: 69.78, 5: 81.5}),
)
