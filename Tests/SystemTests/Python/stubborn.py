"""A framework whose executor heeds nothing: neither KILL nor SHUTDOWN nor SIGTERM.

Usage: stubborn.py GENERATED_CLASSES_DIRECTORY HOST PORT
Fills an agent of one core with two tasks of one executor (the same program, started by the agent), prints what becomes of them, and
exits 0 when both have ended.
"""
import os
import signal
import socket
import sys
import time
import uuid

sys.path.insert(0, sys.argv[1])
import executor_pb2 as executor_api  # noqa: E402
import handshake_pb2  # noqa: E402
import meseta_pb2 as v1  # noqa: E402
import scheduler_pb2 as api  # noqa: E402


class Link:
    """Frames of protobuf over TCP, after the handshake."""

    def __init__(self, address, hello):
        self.socket = socket.create_connection(address)
        self.send(hello)
        answer = self.receive(handshake_pb2.Answer)
        if answer.WhichOneof("kind") != "welcome":
            sys.exit(f"not welcome: {answer}")

    def send(self, message):
        body = message.SerializeToString()
        length, prefix = len(body), b""
        while length > 0x7F:
            prefix, length = prefix + bytes([length & 0x7F | 0x80]), length >> 7
        self.socket.sendall(prefix + bytes([length]) + body)

    def exactly(self, count):
        data = b""
        while len(data) < count:
            piece = self.socket.recv(count - len(data))
            if not piece:
                sys.exit("the connection was closed")
            data += piece
        return data

    def receive(self, kind):
        while True:
            length, shift = 0, 0
            while True:
                byte = self.exactly(1)[0]
                length, shift = length | (byte & 0x7F) << shift, shift + 7
                if byte < 0x80:
                    break
            if length:
                return kind.FromString(self.exactly(length))


def execute():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    framework, executor = os.environ["MESETA_FRAMEWORK_ID"], os.environ["MESETA_EXECUTOR_ID"]
    host, port = os.environ["MESETA_AGENT_ENDPOINT"].split(":")
    link = Link((host, int(port)), handshake_pb2.Hello(
        protocol=1, role=handshake_pb2.PEER_EXECUTOR, name=executor, framework_id=framework, executor_id=executor,
        token=os.environ["MESETA_EXECUTOR_TOKEN"].encode()))

    def call(kind):
        message = executor_api.Call(type=kind)
        message.framework_id.value, message.executor_id.value = framework, executor
        return message

    subscribe = call(executor_api.Call.SUBSCRIBE)
    subscribe.subscribe.SetInParent()
    link.send(subscribe)
    while True:
        event = link.receive(executor_api.Event)
        print(executor_api.Event.Type.Name(event.type), flush=True)
        if event.type == executor_api.Event.LAUNCH:
            update = call(executor_api.Call.UPDATE)
            status = update.update.status
            status.task_id.CopyFrom(event.launch.task.task_id)
            status.state, status.source = v1.TASK_RUNNING, v1.TaskStatus.SOURCE_EXECUTOR
            status.uuid, status.timestamp = uuid.uuid4().bytes, time.time()
            link.send(update)


def launch(framework, offer):
    call = api.Call(framework_id=framework, type=api.Call.ACCEPT)
    call.accept.offer_ids.add().CopyFrom(offer.id)
    call.accept.filters.refuse_seconds = 1000
    operation = call.accept.operations.add(type=v1.Offer.Operation.LAUNCH)

    def amount(resources, cpus, mem):
        for name, value in (("cpus", cpus), ("mem", mem)):
            resources.add(name=name, type=v1.Value.SCALAR).scalar.value = value

    for name in ("a", "b"):
        task = operation.launch.task_infos.add(name="stubborn")
        task.task_id.value = name
        task.agent_id.CopyFrom(offer.agent_id)
        amount(task.resources, 0.4, 64)
        task.executor.executor_id.value = "e"
        task.executor.command.value = f"exec {sys.executable} {os.path.abspath(__file__)} {sys.argv[1]}"
        amount(task.executor.resources, 0.1, 64)
    return call


def schedule(host, port):
    link = Link((host, int(port)), handshake_pb2.Hello(
        protocol=1, role=handshake_pb2.PEER_SCHEDULER, name="stubborn"))
    subscribe = api.Call(type=api.Call.SUBSCRIBE)
    subscribe.subscribe.framework_info.user = "root"
    subscribe.subscribe.framework_info.name = "stubborn"
    link.send(subscribe)
    framework, is_launched, ended = None, False, set()
    while len(ended) < 2:
        event = link.receive(api.Event)
        if event.type == api.Event.SUBSCRIBED:
            framework = event.subscribed.framework_id
        elif event.type == api.Event.OFFERS:
            for offer in event.offers.offers:
                call = api.Call(framework_id=framework, type=api.Call.DECLINE)
                call.decline.offer_ids.add().CopyFrom(offer.id)
                call.decline.filters.refuse_seconds = 1000
                link.send(call if is_launched else launch(framework, offer))
                is_launched = True
        elif event.type == api.Event.INVERSE_OFFERS:
            print("asked to give back", flush=True)
        elif event.type == api.Event.UPDATE:
            status = event.update.status
            reason = v1.TaskStatus.Reason.Name(status.reason) if status.HasField("reason") else ""
            print(status.task_id.value, v1.TaskState.Name(status.state), reason, status.message, flush=True)
            if status.HasField("uuid"):
                call = api.Call(framework_id=framework, type=api.Call.ACKNOWLEDGE)
                call.acknowledge.agent_id.CopyFrom(status.agent_id)
                call.acknowledge.task_id.CopyFrom(status.task_id)
                call.acknowledge.uuid = status.uuid
                link.send(call)
            if status.state != v1.TASK_RUNNING:
                ended.add(status.task_id.value)
        elif event.type == api.Event.ERROR:
            sys.exit(f"error: {event.error.message}")
    time.sleep(1)  # For the last acknowledgement to arrive.


if "MESETA_EXECUTOR_TOKEN" in os.environ:
    execute()
else:
    schedule(*sys.argv[2:4])
