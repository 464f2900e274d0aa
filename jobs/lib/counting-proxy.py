"""Hands chat requests on to a server and notes each one: counting-proxy.py TARGET_PORT NOTES PORT_FILE

A line of NOTES per request and per answer that reached the client: `asked HASH` and `answered HASH`, the hash of the
request's body. So it shows from outside whether anything was asked again that had been answered.
"""

import hashlib
import http.client
import http.server
import os
import sys
import threading

target, notes, port_file = int(sys.argv[1]), sys.argv[2], sys.argv[3]
lock = threading.Lock()


def note(line):
    with lock, open(notes, "a") as file:
        file.write(line + "\n")


class Proxy(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        name = hashlib.sha256(body).hexdigest()[:16]
        note(f"asked {name}")
        server = http.client.HTTPConnection("127.0.0.1", target, timeout=120)
        server.request("POST", self.path, body, {"content-type": "application/json"})
        response = server.getresponse()
        answer = response.read()
        self.send_response(response.status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
        self.wfile.flush()
        note(f"answered {name}")

    def log_message(self, *arguments):
        pass


proxy = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
with open(port_file + ".new", "w") as file:
    file.write(f"{proxy.server_port}\n")
os.replace(port_file + ".new", port_file)
proxy.serve_forever()
