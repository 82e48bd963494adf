internal import CMessages
internal import CProtobufC

// The parts of what schedulers say and hear.

extension Meseta__V1__Scheduler__AttributeConstraint: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__v1__scheduler__attribute_constraint__init(target)
    }
}
extension Meseta__V1__Scheduler__AttributeConstraint__Predicate: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__v1__scheduler__attribute_constraint__predicate__init(target)
    }
}
extension Meseta__V1__Scheduler__AttributeConstraint__Predicate__Exists: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__v1__scheduler__attribute_constraint__predicate__exists__init(target)
    }
}
extension Meseta__V1__Scheduler__AttributeConstraint__Predicate__NotExists: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__v1__scheduler__attribute_constraint__predicate__not_exists__init(target)
    }
}
extension Meseta__V1__Scheduler__AttributeConstraint__Predicate__TextEquals: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__v1__scheduler__attribute_constraint__predicate__text_equals__init(target)
    }
}
extension Meseta__V1__Scheduler__AttributeConstraint__Predicate__TextMatches: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__v1__scheduler__attribute_constraint__predicate__text_matches__init(target)
    }
}
extension Meseta__V1__Scheduler__AttributeConstraint__Predicate__TextNotEquals: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__v1__scheduler__attribute_constraint__predicate__text_not_equals__init(target)
    }
}
extension Meseta__V1__Scheduler__AttributeConstraint__Predicate__TextNotMatches: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__v1__scheduler__attribute_constraint__predicate__text_not_matches__init(target)
    }
}
extension Meseta__V1__Scheduler__AttributeConstraint__Selector: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__v1__scheduler__attribute_constraint__selector__init(target)
    }
}
extension Meseta__V1__Scheduler__Call__AcceptInverseOffers: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__v1__scheduler__call__accept_inverse_offers__init(target)
    }
}
extension Meseta__V1__Scheduler__Call__Acknowledge: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__v1__scheduler__call__acknowledge__init(target)
    }
}
extension Meseta__V1__Scheduler__Call__Decline: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__scheduler__call__decline__init(target) }
}
extension Meseta__V1__Scheduler__Call__DeclineInverseOffers: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__v1__scheduler__call__decline_inverse_offers__init(target)
    }
}
extension Meseta__V1__Scheduler__Call__Kill: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__scheduler__call__kill__init(target) }
}
extension Meseta__V1__Scheduler__Call__Message: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__scheduler__call__message__init(target) }
}
extension Meseta__V1__Scheduler__Call__Reconcile: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__v1__scheduler__call__reconcile__init(target)
    }
}
extension Meseta__V1__Scheduler__Call__Reconcile__Task: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__v1__scheduler__call__reconcile__task__init(target)
    }
}
extension Meseta__V1__Scheduler__Call__Request: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__scheduler__call__request__init(target) }
}
extension Meseta__V1__Scheduler__Call__Revive: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__scheduler__call__revive__init(target) }
}
extension Meseta__V1__Scheduler__Call__Shutdown: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__scheduler__call__shutdown__init(target) }
}
extension Meseta__V1__Scheduler__Call__Suppress: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__scheduler__call__suppress__init(target) }
}
extension Meseta__V1__Scheduler__Event__Error: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__scheduler__event__error__init(target) }
}
extension Meseta__V1__Scheduler__Event__Failure: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__scheduler__event__failure__init(target) }
}
extension Meseta__V1__Scheduler__Event__Guarantees: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__v1__scheduler__event__guarantees__init(target)
    }
}
extension Meseta__V1__Scheduler__Event__InverseOffers: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__v1__scheduler__event__inverse_offers__init(target)
    }
}
extension Meseta__V1__Scheduler__Event__Message: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__scheduler__event__message__init(target) }
}
extension Meseta__V1__Scheduler__Event__Relays: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__scheduler__event__relays__init(target) }
}
extension Meseta__V1__Scheduler__Event__Rescind: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__scheduler__event__rescind__init(target) }
}
extension Meseta__V1__Scheduler__Event__RescindInverseOffer: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__v1__scheduler__event__rescind_inverse_offer__init(target)
    }
}
extension Meseta__V1__Scheduler__Event__Standby: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__scheduler__event__standby__init(target) }
}
extension Meseta__V1__Scheduler__Event__Subscribed: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__v1__scheduler__event__subscribed__init(target)
    }
}
extension Meseta__V1__Scheduler__OfferConstraints: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__v1__scheduler__offer_constraints__init(target)
    }
}
extension Meseta__V1__Scheduler__OfferConstraints__RoleConstraints: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__v1__scheduler__offer_constraints__role_constraints__init(target)
    }
}
extension Meseta__V1__Scheduler__OfferConstraints__RoleConstraints__Group: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__v1__scheduler__offer_constraints__role_constraints__group__init(target)
    }
}
extension Meseta__V1__Scheduler__OfferConstraints__RoleConstraintsEntry: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__v1__scheduler__offer_constraints__role_constraints_entry__init(target)
    }
}
