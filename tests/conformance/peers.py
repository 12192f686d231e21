# SPDX-License-Identifier: Apache-2.0
"""The servers that requests are compared on: nginx in front of an upstream, and Node.js. Both echo what arrived."""
import http.server
import os
import shutil
import socket
import subprocess
import threading
import time

NODE = r"""
const http = require('http');
const server = http.createServer({connectionsCheckingInterval: 50, headersTimeout: PATIENCE, requestTimeout: PATIENCE}, (request, response) => {
  const parts = [];
  request.on('data', part => parts.push(part));
  request.on('end', () => {
    const body = Buffer.concat(parts);
    const text = `method=${request.method} path=${Buffer.from(request.url, 'latin1').toString('hex')} length=${body.length} body=${body.toString('hex')}\n`;
    response.writeHead(200, {'Content-Type': 'text/plain', 'Content-Length': text.length});
    response.end(text);
  });
});
server.keepAliveTimeout = PATIENCE;
server.listen(0, '127.0.0.1', () => console.log('port ' + server.address().port));
"""


class Upstream(http.server.BaseHTTPRequestHandler):
    """Behind nginx: echoes what nginx passed on."""
    protocol_version = "HTTP/1.1"

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self.echo
        raise AttributeError(name)

    def echo(self):
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            raise ValueError("nginx buffers bodies and gives their length")
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        text = f"method={self.command} path={self.path.encode('latin-1').hex()} length={len(body)} body={body.hex()}\n".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


def wait_for(port, process):
    for _ in range(500):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.01)
    raise RuntimeError(f"nothing listens on port {port}")


class Nginx:
    def __init__(self, folder):
        binary = shutil.which("nginx") or "/usr/sbin/nginx"
        if not os.path.exists(binary):
            raise RuntimeError("nginx is missing: apt-get install nginx-light")
        self.upstream = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
        self.upstream.daemon_threads = True
        threading.Thread(target=self.upstream.serve_forever, daemon=True).start()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        temporary = "".join(f"{kind}_temp_path {folder}/{kind}; " for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        config = os.path.join(folder, "nginx.conf")
        with open(config, "w") as out:
            out.write(f"worker_processes 1; daemon off; pid {folder}/pid; error_log /dev/null crit; events {{ }}\n"
                      f"http {{ access_log off; {temporary}\n"
                      "client_header_timeout 400ms; client_body_timeout 400ms; keepalive_timeout 400ms;\n"
                      f"server {{ listen 127.0.0.1:{self.port}; location / {{ proxy_http_version 1.1; proxy_set_header Connection '';\n"
                      f"proxy_pass http://127.0.0.1:{self.upstream.server_port}; }} }} }}\n")
        self.process = subprocess.Popen([binary, "-e", "/dev/null", "-p", folder, "-c", config], stderr=subprocess.DEVNULL)
        wait_for(self.port, self.process)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(10)
        self.upstream.shutdown()


class Node:
    def __init__(self, patience_ms):
        binary = shutil.which("node") or shutil.which("nodejs")
        if binary is None:
            raise RuntimeError("Node.js is missing: apt-get install nodejs")
        self.process = subprocess.Popen([binary, "-e", NODE.replace("PATIENCE", str(patience_ms))], stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().split()[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(10)
        self.process.stdout.close()
