"""A whole allocator in Python, with nothing but a socket and classes generated from Protos/: the policy's protocol is public.

Usage: allocator.py HOST PORT GENERATED_CLASSES_DIRECTORY [NAME]

Weighted dominant-resource fairness: what an agent has free goes to the framework (in one of its roles) that has the
smallest dominant share by the role's weight, and has not refused it. The master knows limits, guarantees and every
other rule, checks each proposal, and says what is free when it refuses one; so this program need not be right for the
cluster to stay right. Serves until the connection ends.
"""
import heapq
import select
import socket
import sys
import time

host, port, classes = sys.argv[1:4]
name = sys.argv[4] if len(sys.argv) > 4 else "python"
sys.path.insert(0, classes)
import allocator_pb2 as wire  # noqa: E402
import handshake_pb2  # noqa: E402

SCALARS = ("cpus", "mem", "disk", "gpus")
PAUSE = 1.0  # Seconds before a proposal is made again that the master refused.


class Resources(dict):
    """Amounts by name: thousandths, sets of whole numbers as (first, last) pairs, or sets of items."""

    @classmethod
    def read(cls, vector):
        amounts = cls({scalar: getattr(vector, scalar) for scalar in SCALARS if getattr(vector, scalar)})
        for entry in vector.others:
            if entry.bounds:
                amounts[entry.name] = list(zip(entry.bounds[::2], entry.bounds[1::2]))
            else:
                amounts[entry.name] = frozenset(entry.items) if entry.items else entry.milli
        return amounts

    def write(self, vector):
        for resource, amount in self.items():
            if resource in SCALARS:
                setattr(vector, resource, amount)
                continue
            entry = vector.others.add(name=resource)
            if isinstance(amount, list):
                entry.bounds.extend(bound for pair in amount for bound in pair)
            elif isinstance(amount, frozenset):
                entry.items.extend(sorted(amount))
            else:
                entry.milli = amount

    def minus(self, other):
        rest = Resources()
        for resource, amount in self.items():
            taken = other.get(resource)
            if isinstance(amount, list):
                left = without(amount, taken or [])
            elif isinstance(amount, frozenset):
                left = amount - (taken or frozenset())
            else:
                left = max(0, amount - (taken or 0))
            if left:
                rest[resource] = left
        return rest

    def plus(self, other):
        total = Resources(self)
        for resource, amount in other.items():
            if isinstance(amount, list):
                total[resource] = sorted(without(total.get(resource, []), amount) + amount)
            elif isinstance(amount, frozenset):
                total[resource] = total.get(resource, frozenset()) | amount
            else:
                total[resource] = total.get(resource, 0) + amount
        return total

    def covers(self, other):
        return not other.minus(self)


def without(pairs, taken):
    """Whole numbers in `pairs` that are not in `taken`."""
    for first, last in taken:
        kept = []
        for low, high in pairs:
            if low < first:
                kept.append((low, min(high, first - 1)))
            if high > last:
                kept.append((max(low, last + 1), high))
        pairs = kept if taken else pairs
    return pairs


class Agent:
    def __init__(self, facts):
        self.total = Resources.read(facts.total)
        self.least = Resources.read(facts.minimum_offer)
        self.mine = facts.owned and facts.active
        self.ownership = facts.ownership
        self.free = self.total
        self.held = {}
        self.pending = None  # The (framework, role) it was proposed to; the master has not answered yet.
        for holding in facts.holdings:
            self.hold((holding.framework, holding.role), Resources.read(holding.resources))

    def hold(self, client, resources):
        self.free = self.free.minus(resources)
        self.held[client] = self.held.get(client, Resources()).plus(resources)

    def release(self, client, resources):
        self.free = self.free.plus(resources)
        self.held[client] = self.held.get(client, Resources()).minus(resources)


class Allocator:
    def __init__(self, send):
        self.send = send
        self.agents, self.frameworks, self.weights = {}, {}, {}
        self.refusals = {}  # (agent, framework, role): [(until, resources)]
        self.wakes = []  # (when, agent): a refusal ends.
        self.dirty = set()
        self.proposals = 0
        self.synced = False

    def received(self, message):
        kind = message.WhichOneof("kind")
        body = getattr(message, kind)
        if kind == "role":
            self.weights[body.role] = body.weight
        elif kind == "framework":
            self.frameworks[body.index] = body
            self.dirty.update(self.agents)
        elif kind == "framework_removed":
            self.frameworks.pop(body, None)
        elif kind == "agent":
            self.agents[body.index] = Agent(body)
            self.dirty.add(body.index)
        elif kind == "agent_removed":
            self.agents.pop(body, None)
        elif kind == "synced":
            self.synced = True
            self.send(wire.AllocatorToMaster(ready=True))
        elif kind in ("held", "recovered") and body.agent in self.agents:
            agent, client = self.agents[body.agent], (body.framework, body.role)
            if kind == "held":
                agent.hold(client, Resources.read(body.resources))
                if agent.pending == client:
                    agent.pending = None
            else:
                agent.release(client, Resources.read(body.resources))
            self.dirty.add(body.agent)
        elif kind == "filter":
            refused = Resources.read(body.resources)
            # For no time at all: once around the others before it is asked again.
            self.refuse((body.agent, body.framework, body.role), refused, max(body.remaining_ns / 1e9, 0.05))
        elif kind == "revived":
            for key in [key for key in self.refusals if key[1] == body.framework]:
                if not body.roles or key[2] in body.roles:
                    del self.refusals[key]
            self.dirty.update(self.agents)
        elif kind == "allocation_refused" and body.agent in self.agents:
            agent = self.agents[body.agent]
            if agent.pending:
                self.refuse((body.agent, *agent.pending), agent.free, PAUSE)
            agent.pending, agent.free = None, Resources.read(body.free)
            self.dirty.add(body.agent)

    def refuse(self, key, resources, seconds):
        until = time.monotonic() + seconds
        self.refusals.setdefault(key, []).append((until, resources))
        heapq.heappush(self.wakes, (until, key[0]))

    def wake(self):
        """Agents of which a refusal has ended are looked at again; says how long nothing else will end."""
        now = time.monotonic()
        while self.wakes and self.wakes[0][0] <= now:
            self.dirty.add(heapq.heappop(self.wakes)[1])
        for key in [key for key, kept in self.refusals.items() if all(until <= now for until, _ in kept)]:
            del self.refusals[key]
        return self.wakes[0][0] - now if self.wakes else None

    def is_wanted(self, number, agent, framework, role):
        facts = self.frameworks[framework]
        floors = [Resources.read(floor) for floor in facts.minimum_offers]
        if floors and not any(agent.free.covers(floor) for floor in floors):
            return False
        refusals = self.refusals.get((number, framework, role), [])
        now = time.monotonic()
        return not any(until > now and refused.covers(agent.free) for until, refused in refusals)

    def shares(self):
        """The dominant share of every framework in each of its roles that wants offers, by weight."""
        total, held = Resources(), {}
        for agent in self.agents.values():
            total = total.plus(Resources({key: agent.total.get(key, 0) for key in SCALARS}))
            for client, resources in agent.held.items():
                held[client] = held.get(client, Resources()).plus(resources)
            if agent.pending:
                held[agent.pending] = held.get(agent.pending, Resources()).plus(agent.free)
        shares = {}
        for index, facts in self.frameworks.items():
            for role in facts.roles:
                if facts.active and role not in facts.suppressed_roles:
                    mine = held.get((index, role), {})
                    parts = [mine.get(key, 0) / total[key] for key in SCALARS if total.get(key)]
                    shares[index, role] = max(parts, default=0) / self.weights.get(role, 1.0)
        return shares

    def allocate(self):
        """Proposes all that each changed agent has free to whoever is furthest below its share."""
        if not self.synced:
            return
        for number in sorted(self.dirty & self.agents.keys()):
            agent = self.agents[number]
            if not agent.mine or agent.pending or not agent.free or not agent.free.covers(agent.least):
                continue
            for framework, role in sorted(self.shares(), key=lambda client, s=self.shares(): (s[client], client)):
                if self.is_wanted(number, agent, framework, role):
                    self.propose(number, agent, framework, role)
                    break
        self.dirty.clear()

    def propose(self, number, agent, framework, role):
        self.proposals += 1
        message = wire.AllocatorToMaster()
        allocation = message.allocation
        allocation.proposal, allocation.agent, allocation.ownership = self.proposals, number, agent.ownership
        allocation.framework, allocation.role = framework, role
        agent.free.write(allocation.resources)
        agent.pending = (framework, role)
        self.send(message)


def main():
    connection = socket.create_connection((host, int(port)), timeout=30)

    def send(message):
        body = message.SerializeToString()
        length, prefix = len(body), b""
        while length > 0x7F:
            prefix, length = prefix + bytes([length & 0x7F | 0x80]), length >> 7
        connection.sendall(prefix + bytes([length]) + body)

    buffer = bytearray()

    def frames():
        """The whole frames that have come; heartbeats, of length zero, are left out."""
        while True:
            length, place = 0, 0
            while place < len(buffer):
                byte = buffer[place]
                length |= (byte & 0x7F) << (7 * place)
                place += 1
                if byte < 0x80:
                    break
            else:
                return
            if len(buffer) < place + length:
                return
            body = bytes(buffer[place : place + length])
            del buffer[: place + length]
            if body:
                yield body

    send(handshake_pb2.Hello(protocol=1, role=handshake_pb2.PEER_ALLOCATOR, name=name))
    allocator, is_welcome = Allocator(send), False
    while True:
        wait = allocator.wake()
        allocator.allocate()
        if select.select([connection], [], [], wait if wait is None else max(wait, 0.0))[0]:
            piece = connection.recv(1 << 16)
            if not piece:
                sys.exit("the master closed the connection")
            buffer += piece
        for body in frames():
            if is_welcome:
                allocator.received(wire.MasterToAllocator.FromString(body))
                continue
            answer = handshake_pb2.Answer.FromString(body)
            if answer.WhichOneof("kind") != "welcome":
                sys.exit(f"not welcome: {answer}")
            is_welcome = True
            print("allocating for", answer.welcome.name, flush=True)


main()
