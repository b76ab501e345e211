"""Where the rows of ``amiss watch`` come from: lines on standard input, or messages of a Kafka topic."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from amiss.errors import MissingExtraError, OptionError

BLOCK = 1 << 18  #: bytes that are read at a time, where so many are there
MESSAGES, WAIT = 4096, 0.2  #: messages that are taken at a time, where so many are there; seconds to wait for the first


@dataclass
class Arrival:
    """Lines that came together. torn: the last one has no end. marks: offsets behind them, by partition."""

    lines: list[bytes]
    torn: bool = False
    marks: dict[str, int] = field(default_factory=dict)


def from_file(number: int) -> Iterator[Arrival]:
    """Whatever lines a file descriptor has, as soon as it has one."""
    rest = b""
    while block := os.read(number, BLOCK):
        whole, end, rest = (rest + block).rpartition(b"\n")
        if end:
            yield Arrival(whole.split(b"\n"))
    if rest:
        yield Arrival([rest], torn=True)


def from_kafka(consumer: Any, done: dict[str, int], stop: Callable[[], bool] = lambda: False) -> Iterator[Arrival]:
    """Messages, each a line. done: offsets that were scored already, by partition: earlier ones are passed over."""
    while not stop():
        messages = consumer.consume(MESSAGES, WAIT)
        lines, marks = [], dict[str, int]()
        for message in messages:
            if message.error() is not None:
                raise OptionError(
                    "Kafka answers with an error", found=str(message.error()), hint="see the broker's log"
                )
            place = f"{message.topic()}/{message.partition()}"
            if message.offset() >= done.get(place, 0):
                lines.append((message.value() or b"").replace(b"\n", b" "))
                marks[place] = message.offset() + 1
        if lines:
            yield Arrival(lines, marks=marks)
            consumer.commit(asynchronous=True)


def kafka_consumer(broker: str, topic: str, group: str) -> Any:
    """A consumer of a topic. Raises MissingExtraError where confluent-kafka is not installed."""
    try:
        from confluent_kafka import Consumer
    except ImportError as error:
        raise MissingExtraError("confluent-kafka", "kafka") from error
    consumer = Consumer(
        {"bootstrap.servers": broker, "group.id": group, "enable.auto.commit": False, "auto.offset.reset": "latest"}
    )
    consumer.subscribe([topic])
    return consumer
