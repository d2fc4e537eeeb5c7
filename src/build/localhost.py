"""Stands before a server that answers to the name of localhost alone, as the MCP SDK for Python does by default.

    python3 -I -S localhost.py FRONT PORT COMMAND [ARGUMENT...]

Starts COMMAND. Once PORT accepts connections it listens on 127.0.0.1:FRONT, and passes each connection on with a Host that
the server takes. Bytes go on as they arrive, in both directions. It ends as COMMAND ends: with its exit code, 128 and the
number of the signal that ended it, or 127 when there is no such command. Only the standard library, from Python 3.9.
"""

import os
import signal
import socket
import sys
import threading
import time

LARGEST_HEAD = 64 * 1024
PIECE = 64 * 1024
# How long an answer that is out waits for its client to hang up, and the end for answers that are on their way.
LINGER_S = 1
# How long a server may start before it is said that it has not: Lambda gives it 10 s.
PATIENCE_S = 5
# https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2
TOKEN = frozenset(b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")


class Refused(Exception):
    """The status, and perhaps a header, of an answer that is not the server's."""


def main(front, port, command):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        # Taken before the server starts; nobody gets in before `listen`.
        listener.bind(("127.0.0.1", front))
    except OSError as error:
        return failed(f"127.0.0.1:{front}: {error.strerror}", 1)
    child, early = None, []

    def forward(number, _frame):
        if child is None:
            early.append(number)
        else:
            kill(child, number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, forward)
    try:
        # What Python ignores, its child would ignore too.
        child = os.posix_spawnp(command[0], command, os.environ, setsigdef=[signal.SIGPIPE, signal.SIGXFSZ])
    except OSError as error:
        return failed(f"{command[0]}: {error.strerror}", 127 if isinstance(error, FileNotFoundError) else 126)
    for number in early:
        kill(child, number)
    threading.Thread(target=serve, args=(listener, port), daemon=True).start()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    until = time.monotonic() + LINGER_S
    for thread in threading.enumerate():
        if thread.name == "relay":
            thread.join(max(0, until - time.monotonic()))
    return code if code >= 0 else 128 - code


def failed(message, code):
    """Says what is wrong, and gives the code to end with."""
    print(f"localhost.py: {message}", file=sys.stderr, flush=True)
    return code


def kill(child, number):
    try:
        os.kill(child, number)
    except ProcessLookupError:
        pass


def serve(listener, port):
    began, said = time.monotonic(), False
    while not accepts(port):
        if not said and time.monotonic() - began > PATIENCE_S:
            said = True
            failed(f"nothing listens on 127.0.0.1:{port} yet, which PORT names", 1)
        time.sleep(0.005)
    listener.listen(128)
    while True:
        try:
            client, _ = listener.accept()
            threading.Thread(target=relay, args=(client, port), name="relay", daemon=True).start()
        except (OSError, RuntimeError):
            # No descriptor or no thread is left, or the client has gone already.
            time.sleep(0.05)


def accepts(port):
    with socket.socket() as probe:
        # A port that nobody has may become the caller's own, which then answers itself.
        return probe.connect_ex(("127.0.0.1", port)) == 0 and probe.getsockname() != probe.getpeername()


def relay(client, port):
    """Passes one connection on, until the server has hung up."""
    server = socket.socket()
    up = threading.Thread(target=pass_up, args=(client, server), daemon=True)
    with client, server:
        try:
            ask(client, server, port)
            up.start()
            pass_on(server, client)
        except Refused as refused:
            up.start()
            answer(client, refused)
        except (EOFError, OSError):
            return
        # To close at once would be a reset while the client still sends, which takes the answer back.
        up.join(LINGER_S)
        for each in (client, server):
            shut(each, socket.SHUT_RDWR)
        up.join()


def ask(client, server, port):
    """Sends the request to the server, with the other Host, and what of its body is there."""
    head, body = read_head(client)
    request = with_host(head, f"127.0.0.1:{port}".encode())
    if server.connect_ex(("127.0.0.1", port)) != 0:
        raise Refused("502 Bad Gateway")
    for each in (client, server):
        each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    server.sendall(request + body)


def answer(client, status):
    try:
        client.sendall(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
    except OSError:
        pass
    shut(client, socket.SHUT_WR)


def read_head(client):
    """Reads up to the empty line, and what came with it."""
    read = bytearray()
    while True:
        end = read.find(b"\r\n\r\n")
        if max(end, len(read) if end < 0 else 0) > LARGEST_HEAD:
            raise Refused("431 Request Header Fields Too Large")
        if end >= 0:
            return bytes(read[:end]), bytes(read[end + 4 :])
        data = client.recv(PIECE)
        if not data:
            raise EOFError
        read += data


def with_host(head, host):
    """One Host in place of all, and one request a connection: a second one would bring its own."""
    request, *fields = head.split(b"\r\n")
    if b"\n" in head.replace(b"\r\n", b"") or b"\r" in head.replace(b"\r\n", b""):
        raise Refused("400 Bad Request")
    kept, names = [request, b"Host: " + host, b"Connection: close"], set()
    for field in fields:
        name, colon, _ = field.partition(b":")
        # A folded line, or a name with a space, which some servers would take for another.
        if not colon or not name or not TOKEN.issuperset(name):
            raise Refused("400 Bad Request")
        names.add(name.lower())
        if name.lower() not in (b"host", b"connection"):
            kept.append(field)
    # MCP's stream by GET. It would keep this environment from other requests until the function's timeout, which is an error,
    # and what it is for happens in other environments. One that is taken up again ends, and may.
    if request.startswith(b"GET ") and b"mcp-protocol-version" in names and b"last-event-id" not in names:
        raise Refused("405 Method Not Allowed\r\nAllow: POST, DELETE")
    return b"\r\n".join(kept) + b"\r\n\r\n"


def pass_up(client, server):
    pass_on(client, server)
    try:
        while client.recv(PIECE):
            pass
    except OSError:
        pass


def pass_on(source, sink):
    """Passes bytes on until there are none or nobody takes them, and says so to the one who gets them."""
    try:
        while True:
            data = source.recv(PIECE)
            if not data:
                break
            sink.sendall(data)
    except OSError:
        pass
    shut(sink, socket.SHUT_WR)


def shut(each, how):
    try:
        each.shutdown(how)
    except OSError:
        pass


if __name__ == "__main__":
    front, port, *command = [*sys.argv[1:], "", ""]
    if not (front.isdecimal() and port.isdecimal() and command[:-2]):
        sys.exit(failed("usage: localhost.py FRONT PORT COMMAND [ARGUMENT...]", 2))
    if int(front) == int(port):
        sys.exit(failed(f"{port} is the port of the adapter, which the server cannot have too: name another in PORT", 2))
    sys.exit(main(int(front), int(port), command[:-2]))
