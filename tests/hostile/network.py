"""Attempts on the network: to send anything anywhere, to listen, to learn what is connected."""

from __future__ import annotations

from tests.hostile.program import Program as P

_SEND = "sends your data away"
_LISTEN = "lets others in"
_LOCAL = "talks to services of this machine"
_REVEAL = "learns the machine's network"
_PAIR = "a, b = socket.socketpair()\na.send(b'x')\nassert b.recv(1) == b'x'"

PROGRAMS = (
    P("tcp", "network", _SEND, "socket.create_connection(('127.0.0.1', target['port']), 1)", _PAIR),
    P("tcp_without_waiting", "network", _SEND,
      "s = socket.socket()\ns.setblocking(False)\nassert s.connect_ex(('127.0.0.1', target['port'])) in (0, 115)"),
    P("tcp_fast_open", "network", _SEND,
      "s = socket.socket()\ns.sendto(b'x', 0x20000000, ('127.0.0.1', target['port']))", bare="host"),
    P("tcp_version_6", "network", _SEND, "socket.socket(socket.AF_INET6).bind(('::1', 0))", bare="host"),
    P("tcp_bind", "network", _LISTEN, "socket.socket().bind(('127.0.0.1', 0))"),
    P("tcp_listen_unbound", "network", _LISTEN, "socket.socket().listen()"),
    P("multipath_tcp", "network", _SEND, "socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)", bare="host"),
    P("udp", "network", _SEND, "socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', target['udp']))"),
    P("udp_broadcast", "network", _SEND,
      "s = socket.socket(type=socket.SOCK_DGRAM)\ns.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)"),
    P("ping", "network", _SEND, "socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)", bare="host"),
    P("raw", "network", _SEND, "socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)", bare="host"),
    P("packet", "network", "reads what others send", "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)", bare="host"),
    P("vsock", "network", "talks to the host of this machine",
      "socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)", bare="host"),
    P("bluetooth", "network", _SEND, "socket.socket(31, socket.SOCK_RAW, 1)", bare="host"),
    P("can_bus", "network", _SEND, "socket.socket(socket.AF_CAN, socket.SOCK_RAW, socket.CAN_RAW)", bare="host"),
    P("kernel_crypto", "network", "reaches rarely tested code of the system",
      "socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET)", bare="host"),
    P("sctp", "network", _SEND, "socket.socket(socket.AF_INET, socket.SOCK_STREAM, 132)", bare="host"),
    P("cluster_pair", "network", "talks to other machines of a cluster",
      "socket.socketpair(30, socket.SOCK_STREAM)", bare="host"),
    P("dns_by_name", "network", _SEND, "assert socket.getaddrinfo('localhost', 80)"),
    P("dns_question", "network", _SEND, """\
question = b'\\0\\1\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0' + b'\\6secret\\7example\\3org\\0' + b'\\0\\1\\0\\1'
socket.socket(type=socket.SOCK_DGRAM).sendto(question, ('127.0.0.1', target['udp']))"""),
    P("http", "network", _SEND, """\
import http.client
c = http.client.HTTPConnection('127.0.0.1', target['port'], timeout=1)
c.request('POST', '/', 'secret')"""),
    P("download", "network", "fetches the answers", """\
import urllib.request, urllib.error
try:
    urllib.request.urlopen(f"http://127.0.0.1:{target['port']}/", timeout=0.2)
except TimeoutError:
    pass"""),
    P("by_asyncio", "network", _SEND, """\
import asyncio
asyncio.run(asyncio.wait_for(asyncio.open_connection('127.0.0.1', target['port']), 1))""", """\
import asyncio
asyncio.run(asyncio.sleep(0))"""),
    P("unix_path", "network", _LOCAL, "socket.socket(socket.AF_UNIX).connect(target['unix'])"),
    P("unix_datagram", "network", _LOCAL, "socket.socket(socket.AF_UNIX, 2).sendto(b'x', target['datagram'])"),
    P("unix_by_pair", "network", _LOCAL,
      "a, b = socket.socketpair(type=socket.SOCK_DGRAM)\na.sendto(b'x', target['datagram'])", _PAIR),
    P("unix_by_packet_pair", "network", _LOCAL, "socket.socketpair(type=socket.SOCK_SEQPACKET)"),
    P("unix_by_message", "network", _LOCAL, """\
a, b = socket.socketpair(type=socket.SOCK_DGRAM)
a.sendmsg([b'x'], [], 0, target['datagram'])""", "a, b = socket.socketpair()\na.sendmsg([b'x'])\nb.recv(1)"),
    P("unix_listening", "network", _LISTEN, "s = socket.socket(socket.AF_UNIX)\ns.bind('mine')\ns.listen()"),
    P("abstract", "network", _LISTEN, "socket.socket(socket.AF_UNIX).bind('\\0score-nb-hostile')"),
    P("abstract_connect", "network", _LOCAL, "socket.socket(socket.AF_UNIX).connect(target['abstract'])"),
    P("abstract_of_desktop", "network", _LOCAL,
      "s = socket.socket(socket.AF_UNIX)\nassert s.connect_ex('\\0/tmp/.X11-unix/X0') in (0, 111)"),
    P("netlink", "network", _REVEAL, "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)"),
    P("netlink_audit", "network", "forges the system's log", "socket.socket(socket.AF_NETLINK, 3, 9)", bare="host"),
    P("interfaces", "network", _REVEAL, "assert socket.if_nameindex()"),
    P("addresses_by_pair", "network", _REVEAL, """\
import fcntl
a, b = socket.socketpair()
place = ctypes.create_string_buffer(4096)
fcntl.ioctl(a, 0x8912, bytearray(struct.pack('iL', 4096, ctypes.addressof(place))))""",
      "a, b = socket.socketpair()\na.setblocking(False)"),
    P("open_connections", "network", _REVEAL, "assert open('/proc/self/net/tcp').read()"),
    P("open_unix_sockets", "network", _REVEAL, "assert open('/proc/net/unix').read()"),
    P("connections_by_thread", "network", _REVEAL, "assert open('/proc/thread-self/net/dev').read()"),
    P("hosts", "network", _REVEAL, "assert open('/etc/hosts').read()", bare="host"),
    P("resolver", "network", _REVEAL, "assert open('/etc/resolv.conf').read() is not None", bare="host"),
    P("socket_by_number", "network", _SEND, "call('socket', 2, 1, 0)"),
    P("socket_by_other_abi", "network", _SEND, """\
import mmap, platform
assert platform.machine() == 'x86_64'
code = mmap.mmap(-1, 4096, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, 7)
code.write(bytes.fromhex('53b867010000bb02000000b901000000ba00000000cd805bc3'))
address = ctypes.addressof(ctypes.c_char.from_buffer(code))
assert ctypes.CFUNCTYPE(ctypes.c_int)(address)() >= 0""", bare="host"),
    P("socket_by_x32", "network", _SEND, "checked(libc.syscall(0x40000000 + target['numbers']['socket'], 2, 1, 0))",
      "checked(libc.syscall(target['numbers']['getpid']))", bare=""),
    P("io_uring", "network", "makes calls that no filter sees",
      "call('io_uring_setup', 8, ctypes.create_string_buffer(120))", bare="host"),
    P("io_submission", "network", "makes calls beside the filter",
      "context = ctypes.c_ulong()\ncall('io_setup', 8, ctypes.byref(context))", bare="host"),
)  # fmt: skip
