"""A scheduler with nothing but a socket and classes generated from Protos/: the schema alone is enough.

Usage: scheduler.py HOST PORT GENERATED_CLASSES_DIRECTORY
Registers, takes an offer, runs a command task, acknowledges each update, and exits 0 when the task has finished.
"""
import socket
import sys

host, port, classes = sys.argv[1:4]
sys.path.insert(0, classes)
import handshake_pb2  # noqa: E402
import meseta_pb2 as v1  # noqa: E402
import scheduler_pb2 as api  # noqa: E402

connection = socket.create_connection((host, int(port)), timeout=30)


def send(message):
    """One frame: the length as a varint, then the message."""
    body = message.SerializeToString()
    length, prefix = len(body), b""
    while length > 0x7F:
        prefix, length = prefix + bytes([length & 0x7F | 0x80]), length >> 7
    connection.sendall(prefix + bytes([length]) + body)


def exactly(count):
    data = b""
    while len(data) < count:
        piece = connection.recv(count - len(data))
        if not piece:
            sys.exit("the master closed the connection")
        data += piece
    return data


def receive(kind):
    """The next frame that is no heartbeat (a heartbeat has length zero)."""
    while True:
        length, shift = 0, 0
        while True:
            byte = exactly(1)[0]
            length, shift = length | (byte & 0x7F) << shift, shift + 7
            if byte < 0x80:
                break
        if length:
            return kind.FromString(exactly(length))


send(handshake_pb2.Hello(protocol=1, role=handshake_pb2.PEER_SCHEDULER, name="python"))
answer = receive(handshake_pb2.Answer)
if answer.WhichOneof("kind") != "welcome":
    sys.exit(f"not welcome: {answer}")

subscribe = api.Call(type=api.Call.SUBSCRIBE)
subscribe.subscribe.framework_info.user = "root"
subscribe.subscribe.framework_info.name = "python"
send(subscribe)

framework = launched = None
while True:
    event = receive(api.Event)
    if event.type == api.Event.SUBSCRIBED:
        framework = event.subscribed.framework_id
        print("subscribed as", framework.value)
    elif event.type == api.Event.OFFERS:
        for offer in event.offers.offers:
            call = api.Call(framework_id=framework, type=api.Call.DECLINE)
            if launched is None:
                launched = "task-1"
                call.type = api.Call.ACCEPT
                call.accept.offer_ids.add().CopyFrom(offer.id)
                operation = call.accept.operations.add(type=v1.Offer.Operation.LAUNCH)
                task = operation.launch.task_infos.add(name="hello")
                task.task_id.value = launched
                task.agent_id.CopyFrom(offer.agent_id)
                task.command.value = "echo hello from python; sleep 0.2"
                for name, amount in (("cpus", 0.1), ("mem", 16)):
                    task.resources.add(name=name, type=v1.Value.SCALAR).scalar.value = amount
            else:
                call.decline.offer_ids.add().CopyFrom(offer.id)
            send(call)
    elif event.type == api.Event.UPDATE:
        status = event.update.status
        print(status.task_id.value, v1.TaskState.Name(status.state), status.message)
        if status.HasField("uuid"):
            call = api.Call(framework_id=framework, type=api.Call.ACKNOWLEDGE)
            call.acknowledge.agent_id.CopyFrom(status.agent_id)
            call.acknowledge.task_id.CopyFrom(status.task_id)
            call.acknowledge.uuid = status.uuid
            send(call)
        if status.state not in (v1.TASK_STAGING, v1.TASK_STARTING, v1.TASK_RUNNING):
            send(api.Call(framework_id=framework, type=api.Call.TEARDOWN))
            sys.exit(0 if status.state == v1.TASK_FINISHED else 1)
    elif event.type == api.Event.ERROR:
        sys.exit(f"error: {event.error.message}")
