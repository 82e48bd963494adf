internal import Logging
internal import Messages
internal import Model
internal import NIOCore

/// How far a connection has come.
enum HandshakeStage: Equatable {
    /// Caller: the connection is not made yet.
    case connecting
    /// Called: nothing has come yet.
    case awaitingHello
    /// Called: the challenge is out.
    case awaitingProof(Hello, nonce: Bytes)
    /// Caller: the hello is out. `isProved`: the other side has shown that it knows the secret.
    case awaitingAnswer(Hello, isProved: Bool)
    /// Both: messages flow.
    case open
    /// Both: the last word is said; what comes is thrown away.
    case closing
}

/// The handshake as drawn in `handshake.proto`.
extension Connection {
    /// Takes one frame of the handshake.
    func handshake(_ frame: UnsafeRawBufferPointer) {
        defer { self.node.readingArena.reset() }
        do throws(MessageError) {
            switch self.stage {
            case .awaitingHello:
                self.received(try Hello(message: frame, in: self.node.readingArena))
            case .awaitingProof(let hello, let nonce):
                self.received(try HandshakeProof(message: frame, in: self.node.readingArena), of: hello, nonce: nonce)
            case .awaitingAnswer(let hello, let isProved):
                let answer = try HandshakeAnswer(message: frame, in: self.node.readingArena)
                self.received(answer, to: hello, isProved: isProved)
            case .connecting, .open, .closing:
                return
            }
        } catch {
            self.malformed("the handshake cannot be read: \(error)")
        }
    }

    // MARK: - Called

    private func received(_ hello: Hello) {
        guard hello.version >= Hello.oldestProtocol else {
            let spoken = Hello.oldestProtocol...Hello.currentProtocol
            let reason = "protocol \(hello.version) is not spoken here, only \(spoken): upgrade the caller"
            return self.refuse(Refusal(.protocolVersion, reason))
        }
        guard let secret = self.node.settings.secret, !self.node.settings.tokenRoles.contains(hello.role) else {
            self.admit(hello)
            return
        }
        guard hello.nonce.count == Secret.nonceBytes else {
            let refusal =
                hello.nonce.isEmpty
                ? Refusal(
                    .credentials, "this cluster has a shared secret and the caller has none: give it --secret-file")
                : Refusal(.malformed, "a nonce has \(Secret.nonceBytes) bytes, not \(hello.nonce.count)")
            self.refuse(refusal)
            return
        }
        let nonce = Secret.nonce()
        let proof = secret.calledProof(callerNonce: hello.nonce, calledNonce: nonce)
        self.stage = .awaitingProof(hello, nonce: nonce)
        _ = self.send(HandshakeAnswer.challenge(nonce: nonce, proof: proof))
    }

    private func received(_ proof: HandshakeProof, of hello: Hello, nonce: Bytes) {
        guard let secret = self.node.settings.secret,
            secret.isCallerProof(proof.mac, role: hello.role, callerNonce: hello.nonce, calledNonce: nonce)
        else {
            self.refuse(
                Refusal(.credentials, "the caller's secret is not the one of this cluster: compare --secret-file"))
            return
        }
        self.admit(hello)
    }

    private func admit(_ hello: Hello) {
        switch self.node.admit(hello) {
        case .failure(let refusal):
            self.refuse(refusal)
        case .success(var welcome):
            let settings = self.node.settings
            let frameLimit = settings.frameLimit(for: hello.role)
            welcome.version = min(hello.version, Hello.currentProtocol)
            welcome.heartbeatInterval = settings.heartbeatInterval(for: hello.role)
            welcome.maxFrameBytes = frameLimit
            if welcome.incarnation.isEmpty { welcome.incarnation = settings.incarnation }
            _ = self.send(HandshakeAnswer.welcome(welcome))
            let peer = Peer(
                id: self.node.peerIDs.take(), role: hello.role, name: hello.name, hello: hello, welcome: nil,
                remoteAddress: self.remoteAddress, dialer: nil, connection: self)
            self.open(
                peer, frameLimit: frameLimit, sendLimit: settings.maxFrameBytes, interval: welcome.heartbeatInterval,
                silenceLimit: hello.sendsHeartbeats ? settings.silenceLimit : nil)
        }
    }

    // MARK: - Caller

    func sayHello(for attempt: DialAttempt) {
        var hello = attempt.hello()
        if self.node.settings.secret != nil { hello.nonce = Secret.nonce() }
        if hello.incarnation.isEmpty { hello.incarnation = self.node.settings.incarnation }
        self.stage = .awaitingAnswer(hello, isProved: false)
        _ = self.send(hello)
    }

    private func received(_ answer: HandshakeAnswer, to hello: Hello, isProved: Bool) {
        switch answer {
        case .challenge(let nonce, let proof):
            guard !isProved else { return self.malformed("a second challenge") }
            self.answer(nonce, proof, to: hello)
        case .welcome(let welcome):
            self.welcomed(welcome, isProved: isProved)
        case .refusal(let refusal):
            self.finish(Disconnect(.refused, "\(refusal)", refusal: refusal), telling: nil)
        }
    }

    private func answer(_ nonce: Bytes, _ proof: Bytes, to hello: Hello) {
        guard nonce.count == Secret.nonceBytes else {
            return self.malformed("a nonce has \(Secret.nonceBytes) bytes, not \(nonce.count)")
        }
        guard let secret = self.node.settings.secret, !hello.nonce.isEmpty else {
            return self.distrust("the cluster has a shared secret and this process has none: give it --secret-file")
        }
        guard secret.isCalledProof(proof, callerNonce: hello.nonce, calledNonce: nonce) else {
            return self.distrust("the secret of the other side is not the one of this process: compare --secret-file")
        }
        self.stage = .awaitingAnswer(hello, isProved: true)
        let mac = secret.callerProof(role: hello.role, callerNonce: hello.nonce, calledNonce: nonce)
        _ = self.send(HandshakeProof(mac: mac))
    }

    private func welcomed(_ welcome: Welcome, isProved: Bool) {
        let spoken = Hello.oldestProtocol...Hello.currentProtocol
        guard spoken.contains(welcome.version) else {
            let reason = "the other side speaks protocol \(welcome.version), this process \(spoken)"
            return self.finish(
                Disconnect(.refused, reason, refusal: Refusal(.protocolVersion, reason)), telling: nil)
        }
        guard isProved || self.node.settings.secret == nil else {
            return self.distrust("the other side did not prove that it knows the secret: give it --secret-file")
        }
        guard let attempt = self.attempt else { return }
        let settings = self.node.settings
        let peer = Peer(
            id: self.node.peerIDs.take(), role: welcome.role, name: welcome.name, hello: nil, welcome: welcome,
            remoteAddress: self.remoteAddress, dialer: attempt.dialer, connection: self)
        let theirs = max(welcome.heartbeatInterval, .milliseconds(1))
        attempt.dialer.welcomed(attempt, welcome)
        self.open(
            peer, frameLimit: settings.maxFrameBytes,
            sendLimit: welcome.maxFrameBytes > 0 ? welcome.maxFrameBytes : settings.maxFrameBytes,
            interval: theirs, silenceLimit: theirs * 3)
    }

    /// The other side is not to be trusted: as bad as being refused for one's credentials, and as lasting.
    private func distrust(_ reason: String) {
        self.finish(Disconnect(.refused, reason, refusal: Refusal(.credentials, reason)), telling: nil)
    }
}
