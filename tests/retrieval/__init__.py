"""Tests of the room retrieval: in memory, on a stand-in that speaks a server's wire, on a server where there is one."""
