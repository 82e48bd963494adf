internal import CMessages
internal import CProtobufC
internal import Model

/// `meseta.v1.scheduler.OfferConstraints`: constraints by role.
extension [String: OfferConstraints] {
    init(
        _ c: UnsafeMutablePointer<Meseta__V1__Scheduler__OfferConstraints>?, _ reader: MessageReader
    ) throws(MessageError) {
        self.init()
        guard let c else { return }
        let reader = reader.in("OfferConstraints")
        try Self.checkSize(c, reader)
        let entries = try reader.list(c.pointee.n_role_constraints, c.pointee.role_constraints) {
            entry throws(MessageError) in
            let value = try reader.required(entry.pointee.value, "role_constraints.value")
            let groups = try reader.list(value.pointee.n_groups, value.pointee.groups) { group throws(MessageError) in
                try reader.list(group.pointee.n_attribute_constraints, group.pointee.attribute_constraints) {
                    constraint throws(MessageError) in
                    try AttributeConstraint(constraint, reader)
                }
            }
            if groups.isEmpty || groups.contains([]) {
                throw reader.invalid("groups", "has to hold a group, and each group a constraint")
            }
            return (try reader.text(entry.pointee.key, "role_constraints.key"), OfferConstraints(groups: groups))
        }
        for (role, constraints) in entries { self[role] = constraints }
    }

    /// Refuses what is too much, before any pattern of it is compiled.
    private static func checkSize(
        _ c: UnsafeMutablePointer<Meseta__V1__Scheduler__OfferConstraints>, _ reader: MessageReader
    ) throws(MessageError) {
        let groups = UnsafeBufferPointer(start: c.pointee.role_constraints, count: c.pointee.n_role_constraints)
            .lazy.compactMap { $0?.pointee.value?.pointee }
            .flatMap { UnsafeBufferPointer(start: $0.groups, count: $0.n_groups) }
            .compactMap { $0?.pointee }
        var count = 0
        var bytes = 0
        for group in groups {
            count += group.n_attribute_constraints
            // Of what is too many, not all is looked at.
            if count > OfferConstraints.maximumCount { break }
            for constraint in UnsafeBufferPointer(
                start: group.attribute_constraints, count: group.n_attribute_constraints)
            {
                bytes += constraint?.pointee.bytes(reader.arena) ?? 0
            }
        }
        if count > OfferConstraints.maximumCount {
            throw reader.invalid("role_constraints", "holds more than \(OfferConstraints.maximumCount) constraints")
        }
        if bytes > OfferConstraints.maximumBytes {
            throw reader.invalid(
                "role_constraints", "holds \(bytes) bytes of text, the limit is \(OfferConstraints.maximumBytes)")
        }
    }

    /// The message; nil if there are none.
    func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__V1__Scheduler__OfferConstraints>? {
        if self.isEmpty { return nil }
        let c = arena.make(Meseta__V1__Scheduler__OfferConstraints.self)
        c.pointee.n_role_constraints = self.count
        c.pointee.role_constraints = arena.list(self.sorted { $0.key < $1.key }) { role, constraints in
            let entry = arena.make(Meseta__V1__Scheduler__OfferConstraints__RoleConstraintsEntry.self)
            entry.pointee.key = arena.text(role)
            entry.pointee.value = arena.make()
            entry.pointee.value.pointee.n_groups = constraints.groups.count
            entry.pointee.value.pointee.groups = arena.list(constraints.groups) { constraints in
                let group = arena.make(Meseta__V1__Scheduler__OfferConstraints__RoleConstraints__Group.self)
                group.pointee.n_attribute_constraints = constraints.count
                group.pointee.attribute_constraints = arena.list(constraints) { $0.c(in: arena) }
                return group
            }
            return entry
        }
        return c
    }
}

/// `meseta.v1.scheduler.AttributeConstraint`.
extension AttributeConstraint {
    fileprivate init(
        _ c: UnsafeMutablePointer<Meseta__V1__Scheduler__AttributeConstraint>, _ reader: MessageReader
    ) throws(MessageError) {
        let reader = reader.in("AttributeConstraint")
        let selector = try reader.required(c.pointee.selector, "selector").pointee
        let predicate = try reader.required(c.pointee.predicate, "predicate").pointee
        self.init(try Selector(selector, reader), try Predicate(predicate, reader))
    }

    fileprivate func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__V1__Scheduler__AttributeConstraint> {
        let c = arena.make(Meseta__V1__Scheduler__AttributeConstraint.self)
        c.pointee.selector = arena.make()
        self.selector.fill(&c.pointee.selector.pointee, in: arena)
        c.pointee.predicate = arena.make()
        self.predicate.fill(&c.pointee.predicate.pointee, in: arena)
        return c
    }
}

extension Meseta__V1__Scheduler__AttributeConstraint {
    /// How much text it holds.
    fileprivate func bytes(_ arena: MessageArena) -> Int {
        func length(_ text: UnsafePointer<CChar>?) -> Int { text.map { arena.bytes(ofText: $0).count } ?? 0 }
        var bytes = 0
        if let selector = self.selector?.pointee,
            selector.selector_case == MESETA__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__SELECTOR__SELECTOR_ATTRIBUTE_NAME
        {
            bytes += length(selector.attribute_name)
        }
        guard let predicate = self.predicate?.pointee else { return bytes }
        switch predicate.predicate_case {
        case MESETA__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__PREDICATE__PREDICATE_TEXT_EQUALS:
            bytes += length(predicate.text_equals?.pointee.value)
        case MESETA__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__PREDICATE__PREDICATE_TEXT_NOT_EQUALS:
            bytes += length(predicate.text_not_equals?.pointee.value)
        case MESETA__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__PREDICATE__PREDICATE_TEXT_MATCHES:
            bytes += length(predicate.text_matches?.pointee.regex)
        case MESETA__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__PREDICATE__PREDICATE_TEXT_NOT_MATCHES:
            bytes += length(predicate.text_not_matches?.pointee.regex)
        default: break
        }
        return bytes
    }
}

extension AttributeConstraint.Selector {
    fileprivate init(
        _ c: Meseta__V1__Scheduler__AttributeConstraint__Selector, _ reader: MessageReader
    ) throws(MessageError) {
        switch c.selector_case {
        case MESETA__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__SELECTOR__SELECTOR_ATTRIBUTE_NAME:
            self = .attribute(try reader.text(c.attribute_name, "selector.attribute_name"))
        case MESETA__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__SELECTOR__SELECTOR_PSEUDOATTRIBUTE_TYPE:
            switch c.pseudoattribute_type {
            case MESETA__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__SELECTOR__PSEUDOATTRIBUTE_TYPE__HOSTNAME: self = .hostname
            case MESETA__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__SELECTOR__PSEUDOATTRIBUTE_TYPE__REGION: self = .region
            case MESETA__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__SELECTOR__PSEUDOATTRIBUTE_TYPE__ZONE: self = .zone
            default: throw reader.invalid("selector", "names no property that agents have")
            }
        default: throw reader.missing("selector")
        }
    }

    fileprivate func fill(
        _ c: inout Meseta__V1__Scheduler__AttributeConstraint__Selector, in arena: MessageArena
    ) {
        c.selector_case = MESETA__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__SELECTOR__SELECTOR_PSEUDOATTRIBUTE_TYPE
        switch self {
        case .attribute(let name):
            c.selector_case = MESETA__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__SELECTOR__SELECTOR_ATTRIBUTE_NAME
            c.attribute_name = arena.text(name)
        case .hostname:
            c.pseudoattribute_type =
                MESETA__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__SELECTOR__PSEUDOATTRIBUTE_TYPE__HOSTNAME
        case .region:
            c.pseudoattribute_type = MESETA__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__SELECTOR__PSEUDOATTRIBUTE_TYPE__REGION
        case .zone:
            c.pseudoattribute_type = MESETA__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__SELECTOR__PSEUDOATTRIBUTE_TYPE__ZONE
        }
    }
}

extension AttributeConstraint.Predicate {
    fileprivate init(
        _ c: Meseta__V1__Scheduler__AttributeConstraint__Predicate, _ reader: MessageReader
    ) throws(MessageError) {
        switch c.predicate_case {
        case MESETA__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__PREDICATE__PREDICATE_EXISTS: self = .exists
        case MESETA__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__PREDICATE__PREDICATE_NOT_EXISTS: self = .notExists
        case MESETA__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__PREDICATE__PREDICATE_TEXT_EQUALS:
            self = .textEquals(try reader.text(c.text_equals.pointee.value, "text_equals.value"))
        case MESETA__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__PREDICATE__PREDICATE_TEXT_NOT_EQUALS:
            self = .textNotEquals(try reader.text(c.text_not_equals.pointee.value, "text_not_equals.value"))
        case MESETA__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__PREDICATE__PREDICATE_TEXT_MATCHES:
            self = .textMatches(TextPattern(try reader.text(c.text_matches.pointee.regex, "text_matches.regex")))
        case MESETA__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__PREDICATE__PREDICATE_TEXT_NOT_MATCHES:
            self = .textNotMatches(
                TextPattern(try reader.text(c.text_not_matches.pointee.regex, "text_not_matches.regex")))
        default: throw reader.missing("predicate")
        }
    }

    fileprivate func fill(
        _ c: inout Meseta__V1__Scheduler__AttributeConstraint__Predicate, in arena: MessageArena
    ) {
        switch self {
        case .exists:
            c.predicate_case = MESETA__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__PREDICATE__PREDICATE_EXISTS
            c.exists = arena.make()
        case .notExists:
            c.predicate_case = MESETA__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__PREDICATE__PREDICATE_NOT_EXISTS
            c.not_exists = arena.make()
        case .textEquals(let text):
            c.predicate_case = MESETA__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__PREDICATE__PREDICATE_TEXT_EQUALS
            c.text_equals = arena.make()
            c.text_equals.pointee.value = arena.text(text)
        case .textNotEquals(let text):
            c.predicate_case = MESETA__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__PREDICATE__PREDICATE_TEXT_NOT_EQUALS
            c.text_not_equals = arena.make()
            c.text_not_equals.pointee.value = arena.text(text)
        case .textMatches(let pattern):
            c.predicate_case = MESETA__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__PREDICATE__PREDICATE_TEXT_MATCHES
            c.text_matches = arena.make()
            c.text_matches.pointee.regex = arena.text(pattern.text)
        case .textNotMatches(let pattern):
            c.predicate_case = MESETA__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__PREDICATE__PREDICATE_TEXT_NOT_MATCHES
            c.text_not_matches = arena.make()
            c.text_not_matches.pointee.regex = arena.text(pattern.text)
        }
    }
}
