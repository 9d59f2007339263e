"""The partitioner is Kafka's own."""

from hypothesis import given
from hypothesis import strategies as st
from kafka.partitioner.default import murmur2 as kafkas

from streams.kafka.partitions import murmur2, partition_of


@given(st.binary(max_size=64))
def test_murmur2_is_kafkas(key):
    assert murmur2(key) == kafkas(bytearray(key)) & 0xFFFFFFFF


@given(st.binary(min_size=1, max_size=32), st.integers(1, 64))
def test_a_partition_is_one_of_them(key, partitions):
    assert 0 <= partition_of(key, partitions) < partitions
