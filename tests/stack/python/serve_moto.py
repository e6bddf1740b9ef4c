"""moto on a free loopback port: prints its address, ends when standard input closes."""

import logging
import sys

from moto.server import ThreadedMotoServer

logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print("listening http://%s:%d" % server.get_host_and_port(), flush=True)
sys.stdin.read()
