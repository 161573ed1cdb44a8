"""The course hub's ``docker/dockerfile``: what BuildKit runs for a Dockerfile's ``# syntax=`` line.

Docker's own image of that name reads the Dockerfile itself. This one hands it to the reader that is built
into the engine, so such Dockerfiles build without the internet; what they may say is what that engine knows.

BuildKit talks gRPC with it over standard input and output (gateway.proto and gateway.go in moby/buildkit,
``frontend/gateway``): this is the client, with two calls. ``Solve`` names the built-in frontend and the
options that BuildKit gave in the environment; its result, or its error, goes back unread by ``Return``.
"""

import base64
import os
import struct
import sys
from urllib.parse import unquote

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, ResponseReceived, StreamEnded, StreamReset, TrailersReceived

SERVICE = "/moby.buildkit.v1.frontend.LLBBridge/"
BUILT_IN = "dockerfile.v0"
OPTION = "BUILDKIT_FRONTEND_OPT_"
UNKNOWN = 2  # a gRPC status


def varint(number):
    """An unsigned number as protobuf writes it."""
    written = b""
    while number > 0x7F:
        written += bytes([number & 0x7F | 0x80])
        number >>= 7
    return written + bytes([number])


def field(number, data):
    """A protobuf field that has a length: text, bytes, a message."""
    return varint(number << 3 | 2) + varint(len(data)) + data


def flag(number):
    """A protobuf field that is true."""
    return varint(number << 3) + b"\x01"


def fields(data):
    """The fields of a protobuf message that have a length, as (number, bytes); others are left out."""
    at = 0

    def number():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        key = number()
        if key & 7 == 2:
            length = number()
            yield key >> 3, data[at : at + length]
            at += length
        elif key & 7 == 0:
            number()
        else:
            at += 8 if key & 7 == 1 else 4


class Failed(Exception):
    """A call that failed; ``status`` is a google.rpc.Status as it came."""

    def __init__(self, status):
        super().__init__("the call failed")
        self.status = status


class Client:
    """One gRPC connection over two descriptors."""

    def __init__(self, read, write):
        self.read, self.write = read, write
        self.connection = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self.connection.initiate_connection()
        self.flush()

    def flush(self):
        data = self.connection.data_to_send()
        while data:
            data = data[os.write(self.write, data) :]

    def call(self, method, message):
        """One unary call; the answer's message. Raises Failed, or EOFError when BuildKit has gone."""
        stream = self.connection.get_next_available_stream_id()
        headers = [(":method", "POST"), (":scheme", "http"), (":path", SERVICE + method)]
        headers += [(":authority", "localhost"), ("content-type", "application/grpc"), ("te", "trailers")]
        self.connection.send_headers(stream, headers)
        self.send(stream, b"\0" + struct.pack(">I", len(message)) + message)
        answer, told, ended = b"", {}, False
        while not ended:
            for event in self.receive():
                if getattr(event, "stream_id", stream) != stream:
                    continue
                if isinstance(event, DataReceived):
                    answer += event.data
                elif isinstance(event, (ResponseReceived, TrailersReceived)):
                    told |= dict(event.headers)
                ended = ended or isinstance(event, (StreamEnded, StreamReset))
        if told.get("grpc-status") != "0":
            raise Failed(status(told))
        return answer[5:]

    def send(self, stream, data):
        """The body, in pieces that the other side has room for."""
        while data:
            room = min(
                self.connection.local_flow_control_window(stream), self.connection.max_outbound_frame_size
            )
            if room <= 0:
                self.receive()
                continue
            self.connection.send_data(stream, data[:room])
            data = data[room:]
            self.flush()
        self.connection.end_stream(stream)
        self.flush()

    def receive(self):
        data = os.read(self.read, 65536)
        if not data:
            raise EOFError
        events = self.connection.receive_data(data)
        for event in events:
            if isinstance(event, DataReceived):
                self.connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        self.flush()
        return events


def status(told):
    """The google.rpc.Status that a call's trailers tell, whole where BuildKit sent it whole."""
    whole = told.get("grpc-status-details-bin")
    if whole:
        return base64.b64decode(whole + "=" * (-len(whole) % 4))
    code, words = int(told.get("grpc-status", UNKNOWN)), unquote(told.get("grpc-message", "no reason given"))
    return varint(1 << 3) + varint(code) + field(2, words.encode())


def options():
    """What BuildKit was asked to build: ``filename``, ``target``, ``build-arg:NAME`` and others."""
    given = [value.partition("=") for name, value in os.environ.items() if name.startswith(OPTION)]
    found = {key: value for key, _, value in given}
    # It says that a `# syntax=` line has been followed: the built-in frontend must not follow it again.
    found.setdefault("cmdline", "docker/dockerfile")
    found.pop("source", None)
    return found


def main():
    client = Client(0, 1)
    request = field(2, BUILT_IN.encode())
    for key, value in options().items():
        request += field(3, field(1, key.encode()) + field(2, value.encode()))
    request += flag(5) + flag(6)  # the result may be of several platforms, each with references of its own
    try:
        result = dict(fields(client.call("Solve", request)))[3]
        client.call("Return", field(1, result))
    except Failed as failed:
        client.call("Return", field(2, failed.status))


if __name__ == "__main__":
    try:
        main()
    except EOFError:
        sys.exit("BuildKit has gone")
