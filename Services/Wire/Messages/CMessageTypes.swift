internal import CMessages
internal import CProtobufC

/// A C struct that protoc-c wrote for a message.
protocol CMessage {
    /// Makes raw memory an empty message, with the fields' defaults.
    static func initialize(_ target: UnsafeMutablePointer<Self>)
}

/// A message that is unpacked on its own, not only as a part of others.
protocol TopMessage: CMessage {
    static var shape: MessageShape { get }
}

/// A message of the framework API that holds one name.
protocol CIdentifier: CMessage {
    var value: UnsafeMutablePointer<CChar>! { get set }
}

// MARK: - Unpacked on their own

extension Meseta__Twin__ExecutorCall: TopMessage {
    static let shape = MessageShape(Self.self, named: "executor.Call")
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__twin__executor_call__init(target) }
}
extension Meseta__Twin__ExecutorEvent: TopMessage {
    static let shape = MessageShape(Self.self, named: "executor.Event")
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__twin__executor_event__init(target) }
}
extension Meseta__Twin__SchedulerCall: TopMessage {
    static let shape = MessageShape(Self.self, named: "scheduler.Call")
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__twin__scheduler_call__init(target) }
}
extension Meseta__Twin__SchedulerEvent: TopMessage {
    static let shape = MessageShape(Self.self, named: "scheduler.Event")
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__twin__scheduler_event__init(target) }
}
extension Meseta__V1__AgentInfo: TopMessage {
    static let shape = MessageShape(Self.self, named: "AgentInfo")
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__agent_info__init(target) }
}
extension Meseta__V1__ExecutorInfo: TopMessage {
    static let shape = MessageShape(Self.self, named: "ExecutorInfo")
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__executor_info__init(target) }
}
extension Meseta__V1__FrameworkInfo: TopMessage {
    static let shape = MessageShape(Self.self, named: "FrameworkInfo")
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__framework_info__init(target) }
}
extension Meseta__V1__TaskID: TopMessage, CIdentifier {
    static let shape = MessageShape(Self.self, named: "TaskID")
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__task_id__init(target) }
}
extension Meseta__V1__TaskInfo: TopMessage {
    static let shape = MessageShape(Self.self, named: "TaskInfo")
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__task_info__init(target) }
}
extension Meseta__V1__TaskStatus: TopMessage {
    static let shape = MessageShape(Self.self, named: "TaskStatus")
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__task_status__init(target) }
}
extension Meseta__Wire__AgentLogRecord: TopMessage {
    static let shape = MessageShape(Self.self, named: "AgentLogRecord")
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__wire__agent_log_record__init(target) }
}
extension Meseta__Wire__AgentToRelay: TopMessage {
    static let shape = MessageShape(Self.self, named: "AgentToRelay")
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__wire__agent_to_relay__init(target) }
}
extension Meseta__Wire__AllocatorToMaster: TopMessage {
    static let shape = MessageShape(Self.self, named: "AllocatorToMaster")
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__wire__allocator_to_master__init(target) }
}
extension Meseta__Wire__Answer: TopMessage {
    static let shape = MessageShape(Self.self, named: "Answer")
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__wire__answer__init(target) }
}
extension Meseta__Wire__Hello: TopMessage {
    static let shape = MessageShape(Self.self, named: "Hello")
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__wire__hello__init(target) }
}
extension Meseta__Wire__MasterToAllocator: TopMessage {
    static let shape = MessageShape(Self.self, named: "MasterToAllocator")
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__wire__master_to_allocator__init(target) }
}
extension Meseta__Wire__MasterToRelay: TopMessage {
    static let shape = MessageShape(Self.self, named: "MasterToRelay")
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__wire__master_to_relay__init(target) }
}
extension Meseta__Wire__OperatorRequest: TopMessage {
    static let shape = MessageShape(Self.self, named: "OperatorRequest")
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__wire__operator_request__init(target) }
}
extension Meseta__Wire__OperatorResponse: TopMessage {
    static let shape = MessageShape(Self.self, named: "OperatorResponse")
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__wire__operator_response__init(target) }
}
extension Meseta__Wire__Proof: TopMessage {
    static let shape = MessageShape(Self.self, named: "Proof")
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__wire__proof__init(target) }
}
extension Meseta__Wire__RelayToAgent: TopMessage {
    static let shape = MessageShape(Self.self, named: "RelayToAgent")
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__wire__relay_to_agent__init(target) }
}
extension Meseta__Wire__RelayToMaster: TopMessage {
    static let shape = MessageShape(Self.self, named: "RelayToMaster")
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__wire__relay_to_master__init(target) }
}
extension Meseta__Wire__SupervisorCommand: TopMessage {
    static let shape = MessageShape(Self.self, named: "SupervisorCommand")
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__wire__supervisor_command__init(target) }
}
extension Meseta__Wire__SupervisorEvent: TopMessage {
    static let shape = MessageShape(Self.self, named: "SupervisorEvent")
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__wire__supervisor_event__init(target) }
}

// MARK: - Names

extension Meseta__V1__AgentID: CIdentifier {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__agent_id__init(target) }
}
extension Meseta__V1__ExecutorID: CIdentifier {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__executor_id__init(target) }
}
extension Meseta__V1__FrameworkID: CIdentifier {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__framework_id__init(target) }
}
extension Meseta__V1__OfferID: CIdentifier {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__offer_id__init(target) }
}
