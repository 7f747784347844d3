# SPDX-License-Identifier: BSD-3-Clause
"""The network that the demo and the system tests run in: namespaces, a bridge, a card, an agent, three backends.

      cl  10.78.0.10  fd78::10                     b1 10.77.0.11 fd77::11   b2 .12   b3 .13   (nginx, peer.py)
       |                                            |            |           |
   ----+--------------------------------------------+------------+-----------+----  bridge "br0" in namespace sw
                                  |
                                  | slwire (TAP, wire side of the simulated card; engines software and xdp: a veth)
                                 [card: sluice-sim, in sw]
                                  | bus socket
                                 [sluiced, in lb] -- sl0  10.77.0.2 10.78.0.2 fd77::2 fd78::2  + VIPs + SOURCES (kernel interface)

The card has a second port, slspare, that is not connected; with Lab(bond=MODE) its wire is in the bridge as well, and both
ports are members of a bond (engines software and xdp: two veths). The client and the VIPs are in 10.78.0.0/24, the backends in
10.77.0.0/24: every packet of a client to a VIP, and of a backend in nat mode back to a client, passes the card's one port.
Backends answer directly in the DSR and tunnel modes. They open tunnels by sluice-decap, those of VXLAN by a device of their
kernel. Clients and backends that get no answer ask again every second (PATIENCE): an agent that is started before a card in RTL
is away for seconds, and by TCP's backoff who has lost a frame asks in the 4th, 8th, 16th and 31st second alone, so that a few
restarts let a connection hang that has nothing wrong. Everything is named after this process's id and removed by Lab.close();
only processes started here are ended.
"""
import glob
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, "build")
BIN = os.path.join(BUILD, "bin")
HERE = os.path.dirname(os.path.abspath(__file__))

SIMULATED = ("model", "rtl", "rtl-hbm")  # engines whose card is a process with firmware
ENGINES = SIMULATED + ("xdp", "software")
BACKENDS = ("b1", "b2", "b3")
VIPS = {"dsr-l2": "10.78.0.100", "nat": "10.78.0.101", "ipip": "10.78.0.102", "vxlan": "10.78.0.103",
        "gre": "10.78.0.104", "gue": "10.78.0.105", "geneve": "10.78.0.106", "fullnat": "10.78.0.107"}
VIPS6 = {"dsr-l2": "fd78::100", "nat": "fd78::101", "ipip": "fd78::102", "gue": "fd78::105", "fullnat": "fd78::107"}
SOURCES = ("10.77.0.200", "fd77::200")  # of mode fullnat
TUNNELS = ("ipip", "vxlan", "gre", "gue", "geneve")
CARD_MAC = "02:53:4c:00:00:01"
VNI = 100
PEER_PORT = 8080
# Of clients and backends: the longest pause (Linux 6.15 and later), and how often they ask, for about two minutes.
PATIENCE = {"tcp_rto_max_ms": 1000, "tcp_syn_retries": 120, "tcp_synack_retries": 120, "tcp_retries2": 120,
            "tcp_orphan_retries": 120}
HEALTH = {"interval_ms": 200, "timeout_ms": 150, "rise": 2, "fall": 2}


class LabError(Exception):
    pass


def vxlan_mac(index):
    return f"02:00:00:00:01:{10 + index:02x}"


def sh(*argv, check=True, ns=None, timeout=30, **kw):
    if ns:
        argv = ("ip", "netns", "exec", ns) + argv
    r = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=timeout, **kw)
    if check and r.returncode:
        raise LabError(f"{' '.join(argv)}: exit {r.returncode}: {r.stderr.strip() or r.stdout.strip()}")
    return r


class Lab:
    """One topology. Use as a context manager; engine is one of ENGINES."""
    made = 0

    def __init__(self, engine, services=None, backends=BACKENDS, bond=None):
        self.engine = engine
        self.bond = bond
        Lab.made += 1
        self.tag = f"sl{os.getpid()}x{Lab.made}"
        self.dir = tempfile.mkdtemp(prefix="sluice-lab-")
        self.backends = backends
        self.services = services or self.default_services()
        self.processes = {}
        self.namespaces = []
        self.tenants = []
        self.vteps = "10.77.0.2"
        self.node = {}
        self.card_options = []
        # Two workers hand over to each other what came by the other's queue; LAB_WORKERS=2 has all engines do that.
        self.workers = int(os.environ.get("LAB_WORKERS", "2" if engine == "software" else "1"))
        self.asks_again = os.path.exists("/proc/sys/net/ipv4/tcp_rto_max_ms")  # every second: PATIENCE
        self.passes = engine == "xdp" and bool(os.environ.get("LAB_PASS"))  # kernel.pass: the wire's interface is the kernel's too
        self.pcap = False  # engine software: not by net_af_packet, for which the kernel puts IPv4 fragments together

    # -- names -----------------------------------------------------------------------------------------------------
    def ns(self, name):
        return f"{self.tag}-{name}"

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    @property
    def bus(self):
        return self.path("card.sock")

    @property
    def control(self):
        return self.path("control.sock")

    @property
    def state(self):
        return f"/dev/shm/sluice-{self.tag}.conn"

    @property
    def config(self):
        return self.path("lb.yaml")

    @property
    def bpffs(self):
        return self.path("bpf")

    # -- topology --------------------------------------------------------------------------------------------------
    def __enter__(self):
        try:
            self.build()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exc):
        self.close()

    def build(self):
        os.mkdir(self.bpffs)
        sh("mount", "-t", "bpf", "bpf", self.bpffs)
        for name in ("sw", "lb", "cl") + self.backends:
            sh("ip", "netns", "add", self.ns(name))
            self.namespaces.append(self.ns(name))
            sh("ip", "link", "set", "lo", "up", ns=self.ns(name))
            for knob, value in (("conf.all.rp_filter", 0), ("conf.default.rp_filter", 0), ("conf.all.arp_ignore", 1),
                                ("conf.all.arp_announce", 2), ("conf.default.arp_announce", 2)):
                sh("sysctl", "-qw", f"net.ipv4.{knob}={value}", ns=self.ns(name))
            sh("sysctl", "-qw", "net.ipv6.conf.all.accept_dad=0", "net.ipv6.conf.default.accept_dad=0", ns=self.ns(name))
        sw = self.ns("sw")
        sh("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1", ns=sw)
        sh("ip", "link", "add", "br0", "type", "bridge", "mcast_snooping", "0", ns=sw)
        sh("ip", "link", "set", "br0", "up", ns=sw)
        for name in (("cl",) + self.backends) * self.asks_again:
            sh("sysctl", "-qw", *(f"net.ipv4.{knob}={value}" for knob, value in PATIENCE.items()), ns=self.ns(name))
        self.plug("cl", ("10.78.0.10/24", "fd78::10/64"), "10.78.0.2", "fd78::2")
        for i, name in enumerate(self.backends, 1):
            self.plug(name, (f"10.77.0.{10 + i}/24", f"fd77::{10 + i}/64"), "10.77.0.2", "fd77::2")
            self.build_backend(name, i)
        sh("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1", ns=self.ns("lb"))

    def plug_host(self, name, addresses):
        """A new namespace with an interface on the bridge, without routes beyond its own network."""
        sh("ip", "netns", "add", self.ns(name))
        self.namespaces.append(self.ns(name))
        sh("ip", "link", "set", "lo", "up", ns=self.ns(name))
        self.plug(name, addresses)

    def plug(self, name, addresses, gateway=None, gateway6=None):
        """A host on the bridge: interface eth0 with its addresses and default routes."""
        ns, sw = self.ns(name), self.ns("sw")
        sh("ip", "link", "add", "eth0", "netns", ns, "type", "veth", "peer", "name", f"to-{name}", "netns", sw)
        sh("ip", "link", "set", f"to-{name}", "master", "br0", "up", ns=sw)
        for a in addresses:
            sh("ip", "addr", "add", a, "dev", "eth0", *(["nodad"] if ":" in a else []), ns=ns)
        sh("ip", "link", "set", "eth0", "up", ns=ns)
        if gateway:
            sh("ip", "route", "add", "default", "via", gateway, ns=ns)
        if gateway6:
            sh("ip", "-6", "route", "add", "default", "via", gateway6, ns=ns)

    def build_backend(self, name, index):
        """VIPs on lo for the modes that answer directly, the way back past the balancer, and the tunnels' ends."""
        ns = self.ns(name)
        direct = [v for vips in (VIPS, VIPS6) for m, v in vips.items() if m not in ("nat", "fullnat")]
        for vip in direct:
            six = ":" in vip
            sh("ip", "addr", "add", vip + ("/128" if six else "/32"), "dev", "lo", *(["nodad"] if six else []), ns=ns)
            sh("ip", *(["-6"] if six else []), "rule", "add", "from", vip, "table", "100", ns=ns)
        sh("ip", "route", "add", "10.78.0.0/24", "dev", "eth0", "table", "100", ns=ns)
        sh("ip", "-6", "route", "add", "fd78::/64", "dev", "eth0", "table", "100", ns=ns)
        sh("ip", "link", "add", "vx0", "address", vxlan_mac(index), "mtu", "1450", "type", "vxlan", "id", str(VNI), "dstport",
           "4789", "local", f"10.77.0.{10 + index}", "dev", "eth0", "nolearning", ns=ns)
        sh("ip", "link", "set", "vx0", "up", ns=ns)
        self.attach_decap(name)

    def decap(self, name, *argv, check=True):
        """sluice-decap in a backend's namespace. `ip netns exec` has a /sys of its own: its state is below self.bpffs."""
        return sh(os.path.join(BIN, "sluice-decap"), *argv, "-i", "eth0", "--bpffs", self.bpffs, ns=self.ns(name), check=check)

    def attach_decap(self, name, tunnels=("ipip", "gre", "gue", "geneve"), mss="auto"):
        """The backend opens the balancer's tunnels; VXLAN is left to the kernel's device, another's implementation of it."""
        vips = [v for m, v in list(VIPS.items()) + list(VIPS6.items()) if m in TUNNELS]
        self.decap(name, "attach", "--tunnel", ",".join(tunnels), "--from", "10.77.0.2,fd77::2", "--vip", ",".join(vips),
                   "--mss", mss)

    def start_backend(self, name):
        """Real nginx on port 80 with a page, a large file and PUT, and peer.py on PEER_PORT."""
        index = self.backends.index(name) + 1
        root = self.path(name)
        www = os.path.join(root, "www")
        for d in (www, os.path.join(root, "tmp")):
            os.makedirs(d, exist_ok=True)
        os.chmod(self.dir, 0o755)
        with open(os.path.join(www, "index.html"), "w", encoding="ascii") as f:
            f.write(f"{name}\n")
        big = os.path.join(www, "bulk")
        if not os.path.exists(big):
            shutil.copy(self.bulk_file(), big)
        conf = os.path.join(root, "nginx.conf")
        with open(conf, "w", encoding="ascii") as f:
            f.write(f"""daemon off; master_process off; pid {root}/nginx.pid; error_log {root}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 1000000; keepalive_timeout 300s; sendfile on; default_type text/plain;
  client_body_temp_path {root}/tmp; proxy_temp_path {root}/tmp; fastcgi_temp_path {root}/tmp;
  uwsgi_temp_path {root}/tmp; scgi_temp_path {root}/tmp; client_max_body_size 64m;
  server {{ listen 80 backlog=4096; listen [::]:80 backlog=4096; root {www}; add_header X-Backend {name};
    location /upload/ {{ dav_methods PUT; create_full_put_path on; }} }}
}}
""")
        self.spawn(f"nginx-{name}", ["nginx", "-e", f"{root}/error.log", "-c", conf], ns=self.ns(name))
        self.spawn(f"peer-{name}", [sys.executable, os.path.join(HERE, "peer.py"), str(PEER_PORT), name], ns=self.ns(name))
        self.wait_for(lambda: self.listening(f"10.77.0.{10 + index}", name), 10, f"{name}'s servers listening")

    def listening(self, address, name):
        for port in (80, PEER_PORT):
            r = sh("bash", "-c", f"exec 3<>/dev/tcp/{address}/{port}", ns=self.ns(name), check=False)
            if r.returncode:
                return False
        return True

    def bulk_file(self, size=64 << 20):
        path = self.path("bulk")
        if not os.path.exists(path):
            block = os.urandom(1 << 20)
            with open(path, "wb") as f:
                for _ in range(size >> 20):
                    f.write(block)
        return path

    # -- card and agent --------------------------------------------------------------------------------------------
    def start_card(self, trace=None):
        """The simulated card; nothing to do for the engines without one but a clean wire."""
        if not self.simulated:
            self.veth_wire()
            return
        argv = [os.path.join(BIN, "sluice-sim"), "--engine", self.engine, "--bus", self.bus, "--firmware",
                os.path.join(BUILD, "firmware", "sluice-fw.bin"), "--port", f"tap:slwire,mac={CARD_MAC},mtu=1500", "--port", "tap:slspare,mtu=1500"] + self.card_options
        if trace:
            argv += ["--trace", trace, "--trace-clocks", "200000"]
        said = len(self.log("card"))
        self.spawn("card", argv, ns=self.ns("sw"))
        self.wait_for(lambda: self.card_ready(said), 30, "the card's ready line")
        for wire in self.wires():
            sh("ip", "link", "set", wire, "master", "br0", "up", ns=self.ns("sw"))

    def wires(self):
        """The switch's ends of the ports' wires."""
        ends = ["to-lb", "to-lb2"] if not self.simulated else ["slwire", "slspare"]
        return ends if self.bond else ends[:1]

    def card_ready(self, said):
        if self.processes["card"].poll() is not None:
            raise LabError("sluice-sim ended at start:\n" + self.log("card")[-2000:])
        return "ready" in self.log("card")[said:]

    @property
    def kernel_device(self):
        """The agent's kernel interface that has its addresses."""
        return "slwire" if self.passes else "sl0"

    @property
    def simulated(self):
        """Whether the card is a process of its own."""
        return self.engine in SIMULATED

    @property
    def hardware(self):
        """Whether there is anything to offload connections to."""
        return self.engine != "software"

    def veth_wire(self):
        """A veth whose frames are as on a wire (no partial checksums, no GSO) and that lb's own stack does not see; XDP's
        program takes them first. It has several queues, as a network card has whatever
        number of workers there is."""
        queues = ("numtxqueues", "4", "numrxqueues", "4")
        sw, lb = self.ns("sw"), self.ns("lb")
        for i, end in enumerate(self.wires()):
            wire, mac = ("slwire", "slspare")[i], CARD_MAC[:-1] + str(i + 1)
            sh("ip", "link", "add", wire, "netns", lb, "address", mac, *queues, "type", "veth", "peer", "name", end, *queues, "netns", sw)
            for ns, dev in ((sw, end), (lb, wire)):
                sh("ethtool", "-K", dev, "tx", "off", "gso", "off", "tso", "off", "gro", "off", ns=ns, check=False)
            if not self.passes:
                sh("nft", f"table netdev {wire} {{ chain wire {{ type filter hook ingress device {wire} priority 0; policy drop; }} ; }}",
                   ns=lb)
            sh("ip", "link", "set", end, "master", "br0", "up", ns=sw)
            sh("ip", "link", "set", wire, "promisc", "on", "up", ns=lb)

    def device(self, port=0):
        if self.engine == "software" and self.pcap:
            return f"net_pcap{port},iface={('slwire', 'slspare')[port]},phy_mac=1"
        if self.engine == "software":
            return f"net_af_packet{port},iface={('slwire', 'slspare')[port]},framecnt=1024,blocksz=8192,framesz=2048"
        if self.engine == "xdp":
            # Generic: native XDP sends to a veth only if its other end polls, and then, with Linux 6.18, that end stopped for good
            # after some seconds of a bulk transfer: it took no frame any more, whoever sent it.
            return (f"net_sluice_xdp{port},iface={('slwire', 'slspare')[port]},pin={self.bpffs}/sluice,port={port},mode=generic,"
                    "kernel=host")
        return f"net_sluice{port},bus={self.bus},port={port}"

    def ports(self):
        port = {"name": "p0", "mtu": 1500,
                "kernel": {"interface": "sl0", "addresses": ["10.77.0.2/24", "10.78.0.2/24", "fd77::2/64", "fd78::2/64"]},
                "vtep": self.vteps}
        if self.passes and not self.bond:
            port["kernel"]["pass"] = True
        if not self.bond:
            if self.engine == "xdp":
                return [{**port, "engine": "xdp", "interface": "slwire", "pin": f"{self.bpffs}/sluice", "xdp_mode": "generic"}]
            if self.engine == "software" and not self.pcap:
                return [{**port, "engine": "dpdk", "interface": "slwire"}]
            return [{**port, "device": self.device()}]
        if self.engine == "xdp" or self.engine == "software" and not self.pcap:
            members = [{"name": f"p{i}", "interface": w} for i, w in enumerate(("slwire", "slspare"))]
            engine = {"engine": "xdp", "pin": f"{self.bpffs}/sluice", "xdp_mode": "generic"} if self.engine == "xdp" else {"engine": "dpdk"}
            return [{**port, **engine, "name": "bond0", "bond": {"mode": self.bond, "up_delay_ms": 500, "members": members}}]
        members = [{"name": f"p{i}", "device": self.device(i)} for i in range(2)]
        return [{**port, "name": "bond0", "bond": {"mode": self.bond, "up_delay_ms": 500, "members": members}}]

    def start_agent(self, wait_healthy=True):
        self.write_config()
        self.spawn("agent", [os.path.join(BIN, "sluiced"), "-c", self.config], ns=self.ns("lb"))
        self.wait_for(lambda: self.ready(), 30, "the agent's control socket")
        if wait_healthy:
            self.wait_for(lambda: self.healthy() == len(self.all_backends()), 20, "all backends healthy")

    def restart_agent(self):
        self.stop("agent")
        self.start_agent()

    def ready(self):
        if self.processes["agent"].poll() is not None:
            raise LabError("sluiced ended at start:\n" + self.log("agent")[-2000:])
        return os.path.exists(self.control) and self.cli("service", "list", check=False) is not None

    def all_backends(self):
        return [b for s in self.services for b in s["backends"]]

    def healthy(self):
        rows = self.cli("backend", "list", check=False) or {}
        return sum(1 for b in rows.get("backends", []) if b.get("state") == "up")

    def cli(self, *argv, check=True):
        """`sluice -j ...` as Python objects; None if it failed and check is off."""
        r = sh(os.path.join(BIN, "sluice"), "-s", self.control, "-j", *argv, check=check, ns=self.ns("lb"))
        if r.returncode:
            return None
        return json.loads(r.stdout)

    def default_services(self):
        services = []
        for mode, vip in list(VIPS.items()) + list(VIPS6.items()):
            services.append(self.service(mode, vip, 80))
            services.append(self.service(mode, vip, PEER_PORT))
        return services

    def service(self, mode, vip, port, protocol="tcp", **more):
        six = ":" in vip
        backends = []
        for i, name in enumerate(self.backends, 1):
            b = {"name": name, "address": (f"fd77::{10 + i}" if six and mode != "vxlan" else f"10.77.0.{10 + i}"), "weight": 1}
            if mode in ("nat", "fullnat"):
                b["port"] = port
            if mode in ("vxlan", "geneve"):
                b["vni"], b["inner_mac"] = VNI, vxlan_mac(i)
            backends.append(b)
        return {"name": f"{mode}{'-v6' if six else ''}-{port}", "vip": vip, "protocol": protocol, "port": port, "mode": mode,
                "health": dict(HEALTH, type="tcp", port=port), "backends": backends, **more}

    def write_config(self, path=None, ports=None):
        """The agent's configuration, or one like it with other ports."""
        config = {
            "node": {"name": self.tag, "state": self.state, "control": self.control, "workers": self.workers, "max_connections": 65536,
                     "fullnat": {"sources": list(SOURCES)}, **self.node},
            "ports": ports or self.ports(),
            **({"tenants": self.tenants} if self.tenants else {}),
            "services": self.services,
        }
        with open(path or self.config, "w", encoding="ascii") as f:
            f.write(to_yaml(config))

    # -- processes -------------------------------------------------------------------------------------------------
    def spawn(self, name, argv, ns=None):
        log = open(self.path(f"{name}.log"), "ab")
        full = (["ip", "netns", "exec", ns] if ns else []) + argv
        # ip netns exec replaces itself by the program: the pid is the program's own.
        self.processes[name] = subprocess.Popen(full, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                                                start_new_session=True)
        log.close()
        return self.processes[name]

    def log(self, name):
        try:
            with open(self.path(f"{name}.log"), encoding="utf-8", errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def stop(self, name, sig=signal.SIGTERM, wait=10):
        p = self.processes.pop(name, None)
        if not p:
            return None
        if p.poll() is None:
            p.send_signal(sig)
            try:
                p.wait(wait)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait(5)
        return p.returncode

    def client(self, *argv, timeout=60, check=True):
        return sh(*argv, ns=self.ns("cl"), timeout=timeout, check=check)

    @staticmethod
    def wait_for(condition, seconds, what):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            value = condition()
            if value:
                return value
            time.sleep(0.05)
        raise LabError(f"waited {seconds} s in vain for {what}")

    def close(self):
        for name in ("agent", "card"):
            self.stop(name)
        for name in list(self.processes):
            self.stop(name, signal.SIGKILL)
        for ns in self.namespaces:
            sh("ip", "netns", "del", ns, check=False)
        sh("umount", self.bpffs, check=False)
        for path in glob.glob(self.state + "*"):  # and what the agent keeps beside it
            os.unlink(path)
        if os.environ.get("LAB_KEEP_LOGS"):
            kept = os.path.join(BUILD, "lab-logs")
            os.makedirs(kept, exist_ok=True)
            for f in os.listdir(self.dir):
                if f.endswith((".log", ".yaml")):
                    shutil.copy(os.path.join(self.dir, f), kept)
        shutil.rmtree(self.dir, ignore_errors=True)


class InNamespace:
    """Runs the body of a with-statement in a network namespace: sockets opened there stay there."""
    _lock = threading.Lock()

    def __init__(self, name):
        self.target = os.path.join("/run/netns", name)

    def __enter__(self):
        self._lock.acquire()
        self.home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        self.enter(self.target)
        return self

    def __exit__(self, *exc):
        setns(self.home)
        os.close(self.home)
        self._lock.release()

    @staticmethod
    def enter(path):
        fd = os.open(path, os.O_RDONLY)
        try:
            setns(fd)
        finally:
            os.close(fd)


def setns(fd):
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(fd, 0x40000000):
        raise OSError(ctypes.get_errno(), "setns")


def connect(lab, address, port, timeout=10, source_port=0):
    """A TCP socket of the client's namespace, connected."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with InNamespace(lab.ns("cl")):
        s = socket.socket(family, socket.SOCK_STREAM)
    s.settimeout(timeout)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        if source_port:
            s.bind(("", source_port))
        s.connect((address, port))
    except BaseException:
        s.close()
        raise
    return s


def to_yaml(value, indent=0):
    """Plain data as YAML; strings are quoted, so that MACs and addresses stay strings."""
    pad = "  " * indent
    if isinstance(value, dict):
        return "".join(f"{pad}{k}:" + (f"\n{to_yaml(v, indent + 1)}" if isinstance(v, (dict, list)) else f" {scalar(v)}\n")
                       for k, v in value.items())
    out = ""
    for item in value:
        if isinstance(item, dict):
            body = to_yaml(item, indent + 1)
            out += f"{pad}- {body.lstrip()}"
        else:
            out += f"{pad}- {scalar(item)}\n"
    return out


def scalar(v):
    if isinstance(v, bool):
        return "true" if v else "false"
    return json.dumps(v) if isinstance(v, str) else str(v)
