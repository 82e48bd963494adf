internal import CMessages
internal import CProtobufC

// The structs that are parts of other messages.

// MARK: - Between our services

extension Meseta__Wire__AgentLogRecord__Acknowledged: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__wire__agent_log_record__acknowledged__init(target)
    }
}
extension Meseta__Wire__AgentLogRecord__Configured: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__wire__agent_log_record__configured__init(target)
    }
}

extension Meseta__Wire__AgentLogRecord__Counters: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__wire__agent_log_record__counters__init(target)
    }
}
extension Meseta__Wire__AgentLogRecord__ExecutorAccepted: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__wire__agent_log_record__executor_accepted__init(target)
    }
}
extension Meseta__Wire__AgentLogRecord__ExecutorExited: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__wire__agent_log_record__executor_exited__init(target)
    }
}
extension Meseta__Wire__AgentLogRecord__KillRequested: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__wire__agent_log_record__kill_requested__init(target)
    }
}
extension Meseta__Wire__AgentLogRecord__Started: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__wire__agent_log_record__started__init(target)
    }
}
extension Meseta__Wire__AgentLogRecord__Status: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__wire__agent_log_record__status__init(target)
    }
}
extension Meseta__Wire__AgentLogRecord__TaskAccepted: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__wire__agent_log_record__task_accepted__init(target)
    }
}
extension Meseta__Wire__AgentMode: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__wire__agent_mode__init(target) }
}
extension Meseta__Wire__AgentOrder: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__wire__agent_order__init(target) }
}
extension Meseta__Wire__AgentOrder__Acknowledge: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__wire__agent_order__acknowledge__init(target)
    }
}
extension Meseta__Wire__AgentOrder__Kill: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__wire__agent_order__kill__init(target) }
}
extension Meseta__Wire__AgentOrder__Launch: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__wire__agent_order__launch__init(target) }
}
extension Meseta__Wire__AgentOrder__LaunchedTask: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__wire__agent_order__launched_task__init(target)
    }
}
extension Meseta__Wire__AgentOrder__MessageToExecutor: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__wire__agent_order__message_to_executor__init(target)
    }
}
extension Meseta__Wire__AgentOrder__ShutdownExecutor: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__wire__agent_order__shutdown_executor__init(target)
    }
}
extension Meseta__Wire__AgentOrder__ShutdownFramework: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__wire__agent_order__shutdown_framework__init(target)
    }
}
extension Meseta__Wire__AgentRegistration: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__wire__agent_registration__init(target) }
}
extension Meseta__Wire__AllocatorToMaster__Allocation: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__wire__allocator_to_master__allocation__init(target)
    }
}
extension Meseta__Wire__AllocatorToMaster__Revocation: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__wire__allocator_to_master__revocation__init(target)
    }
}
extension Meseta__Wire__Attachment: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__wire__attachment__init(target) }
}
extension Meseta__Wire__BookEntry: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__wire__book_entry__init(target) }
}
extension Meseta__Wire__Challenge: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__wire__challenge__init(target) }
}
extension Meseta__Wire__ClusterPolicy: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__wire__cluster_policy__init(target) }
}
extension Meseta__Wire__ClusterPolicy__Framework: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__wire__cluster_policy__framework__init(target)
    }
}
extension Meseta__Wire__ClusterPolicy__Slots: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__wire__cluster_policy__slots__init(target) }
}
extension Meseta__Wire__ClusterPolicy__Users: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__wire__cluster_policy__users__init(target) }
}
extension Meseta__Wire__ExecutorExit: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__wire__executor_exit__init(target) }
}
extension Meseta__Wire__ExecutorMessage: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__wire__executor_message__init(target) }
}
extension Meseta__Wire__ExecutorRecord: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__wire__executor_record__init(target) }
}
extension Meseta__Wire__FrameworkRecord: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__wire__framework_record__init(target) }
}
extension Meseta__Wire__MasterToAllocator__AgentFacts: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__wire__master_to_allocator__agent_facts__init(target)
    }
}
extension Meseta__Wire__MasterToAllocator__AllocationRefused: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__wire__master_to_allocator__allocation_refused__init(target)
    }
}
extension Meseta__Wire__MasterToAllocator__Demand: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__wire__master_to_allocator__demand__init(target)
    }
}
extension Meseta__Wire__MasterToAllocator__Filter: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__wire__master_to_allocator__filter__init(target)
    }
}
extension Meseta__Wire__MasterToAllocator__FrameworkFacts: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__wire__master_to_allocator__framework_facts__init(target)
    }
}
extension Meseta__Wire__MasterToAllocator__Held: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__wire__master_to_allocator__held__init(target)
    }
}
extension Meseta__Wire__MasterToAllocator__Holding: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__wire__master_to_allocator__holding__init(target)
    }
}
extension Meseta__Wire__MasterToAllocator__PolicyFacts: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__wire__master_to_allocator__policy_facts__init(target)
    }
}
extension Meseta__Wire__MasterToAllocator__Recovered: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__wire__master_to_allocator__recovered__init(target)
    }
}
extension Meseta__Wire__MasterToAllocator__Request: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__wire__master_to_allocator__request__init(target)
    }
}
extension Meseta__Wire__MasterToAllocator__Revived: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__wire__master_to_allocator__revived__init(target)
    }
}
extension Meseta__Wire__MasterToAllocator__Revocable: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__wire__master_to_allocator__revocable__init(target)
    }
}
extension Meseta__Wire__MasterToAllocator__RevocableTask: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__wire__master_to_allocator__revocable_task__init(target)
    }
}
extension Meseta__Wire__MasterToAllocator__RevocationRefused: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__wire__master_to_allocator__revocation_refused__init(target)
    }
}
extension Meseta__Wire__MasterToAllocator__RoleFacts: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__wire__master_to_allocator__role_facts__init(target)
    }
}
extension Meseta__Wire__MasterToRelay__AgentAccepted: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__wire__master_to_relay__agent_accepted__init(target)
    }
}
extension Meseta__Wire__MasterToRelay__AgentRefused: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__wire__master_to_relay__agent_refused__init(target)
    }
}
extension Meseta__Wire__MasterToRelay__BookConfirmed: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__wire__master_to_relay__book_confirmed__init(target)
    }
}
extension Meseta__Wire__MasterToRelay__Directory: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__wire__master_to_relay__directory__init(target)
    }
}
extension Meseta__Wire__MasterToRelay__FrameworkRemoved: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__wire__master_to_relay__framework_removed__init(target)
    }
}
extension Meseta__Wire__MasterToRelay__Order: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__wire__master_to_relay__order__init(target) }
}
extension Meseta__Wire__OperatorRequest__ApplyPolicy: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__wire__operator_request__apply_policy__init(target)
    }
}
extension Meseta__Wire__OperatorRequest__Explain: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__wire__operator_request__explain__init(target)
    }
}
extension Meseta__Wire__OperatorRequest__Kill: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__wire__operator_request__kill__init(target) }
}
extension Meseta__Wire__OperatorRequest__SetMode: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__wire__operator_request__set_mode__init(target)
    }
}
extension Meseta__Wire__OperatorRequest__Teardown: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__wire__operator_request__teardown__init(target)
    }
}
extension Meseta__Wire__OperatorResponse__Agent: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__wire__operator_response__agent__init(target)
    }
}
extension Meseta__Wire__OperatorResponse__Ahead: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__wire__operator_response__ahead__init(target)
    }
}
extension Meseta__Wire__OperatorResponse__Failure: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__wire__operator_response__failure__init(target)
    }
}
extension Meseta__Wire__OperatorResponse__Comparison: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__wire__operator_response__comparison__init(target)
    }
}
extension Meseta__Wire__OperatorResponse__Framework: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__wire__operator_response__framework__init(target)
    }
}
extension Meseta__Wire__OperatorResponse__Obstacle: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__wire__operator_response__obstacle__init(target)
    }
}
extension Meseta__Wire__OperatorResponse__Offer: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__wire__operator_response__offer__init(target)
    }
}
extension Meseta__Wire__OperatorResponse__Outcome: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__wire__operator_response__outcome__init(target)
    }
}
extension Meseta__Wire__OperatorResponse__Policy: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__wire__operator_response__policy__init(target)
    }
}
extension Meseta__Wire__OperatorResponse__Shadow: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__wire__operator_response__shadow__init(target)
    }
}
extension Meseta__Wire__OperatorResponse__Share: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__wire__operator_response__share__init(target)
    }
}
extension Meseta__Wire__OperatorResponse__Status: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__wire__operator_response__status__init(target)
    }
}
extension Meseta__Wire__OperatorResponse__Task: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__wire__operator_response__task__init(target) }
}
extension Meseta__Wire__Refusal: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__wire__refusal__init(target) }
}
extension Meseta__Wire__RelayToAgent__BookConfirmed: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__wire__relay_to_agent__book_confirmed__init(target)
    }
}
extension Meseta__Wire__RelayToAgent__Directory: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__wire__relay_to_agent__directory__init(target)
    }
}
extension Meseta__Wire__RelayToAgent__GoElsewhere: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__wire__relay_to_agent__go_elsewhere__init(target)
    }
}
extension Meseta__Wire__RelayToAgent__Order: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__wire__relay_to_agent__order__init(target) }
}
extension Meseta__Wire__RelayToAgent__Refused: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__wire__relay_to_agent__refused__init(target) }
}
extension Meseta__Wire__RelayToAgent__Registered: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__wire__relay_to_agent__registered__init(target)
    }
}
extension Meseta__Wire__AgentToRelay__Resending: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__wire__agent_to_relay__resending__init(target)
    }
}
extension Meseta__Wire__RelayToAgent__Resend: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__wire__relay_to_agent__resend__init(target) }
}
extension Meseta__Wire__RelayToMaster__AgentAttached: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__wire__relay_to_master__agent_attached__init(target)
    }
}
extension Meseta__Wire__RelayToMaster__AgentDetached: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__wire__relay_to_master__agent_detached__init(target)
    }
}
extension Meseta__Wire__RelayToMaster__Book: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__wire__relay_to_master__book__init(target) }
}
extension Meseta__Wire__RelayToMaster__Message: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__wire__relay_to_master__message__init(target)
    }
}
extension Meseta__Wire__RelayToMaster__Status: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__wire__relay_to_master__status__init(target) }
}
extension Meseta__Wire__ResourceEntry: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__wire__resource_entry__init(target) }
}
extension Meseta__Wire__ResourceVector: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__wire__resource_vector__init(target) }
}
extension Meseta__Wire__StatusEnvelope: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__wire__status_envelope__init(target) }
}
extension Meseta__Wire__SubscriptionNotice: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__wire__subscription_notice__init(target) }
}
extension Meseta__Wire__SupervisorExit: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__wire__supervisor_exit__init(target) }
}
extension Meseta__Wire__SupervisorFailure: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__wire__supervisor_failure__init(target) }
}
extension Meseta__Wire__SupervisorLimit: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__wire__supervisor_limit__init(target) }
}
extension Meseta__Wire__SupervisorMount: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__wire__supervisor_mount__init(target) }
}
extension Meseta__Wire__SupervisorProbe: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__wire__supervisor_probe__init(target) }
}
extension Meseta__Wire__SupervisorProbed: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__wire__supervisor_probed__init(target) }
}
extension Meseta__Wire__SupervisorRun: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__wire__supervisor_run__init(target) }
}
extension Meseta__Wire__SupervisorSignal: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__wire__supervisor_signal__init(target) }
}
extension Meseta__Wire__SupervisorSnapshot: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__wire__supervisor_snapshot__init(target) }
}
extension Meseta__Wire__SupervisorStart: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__wire__supervisor_start__init(target) }
}
extension Meseta__Wire__TaskRecord: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__wire__task_record__init(target) }
}
extension Meseta__Wire__Welcome: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__wire__welcome__init(target) }
}

// MARK: - The framework API, and its twins

extension Meseta__Twin__AgentInfo: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__twin__agent_info__init(target) }
}
extension Meseta__Twin__ExecutorCall__Subscribe: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__twin__executor_call__subscribe__init(target)
    }
}
extension Meseta__Twin__ExecutorCall__Update: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__twin__executor_call__update__init(target) }
}
extension Meseta__Twin__ExecutorEvent__Launch: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__twin__executor_event__launch__init(target) }
}
extension Meseta__Twin__ExecutorEvent__LaunchGroup: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__twin__executor_event__launch_group__init(target)
    }
}
extension Meseta__Twin__ExecutorEvent__Subscribed: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__twin__executor_event__subscribed__init(target)
    }
}
extension Meseta__Twin__Offer: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__twin__offer__init(target) }
}
extension Meseta__Twin__SchedulerCall__Accept: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__twin__scheduler_call__accept__init(target) }
}
extension Meseta__Twin__SchedulerCall__Launch: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__twin__scheduler_call__launch__init(target) }
}
extension Meseta__Twin__SchedulerCall__LaunchGroup: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__twin__scheduler_call__launch_group__init(target)
    }
}
extension Meseta__Twin__SchedulerCall__Operation: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__twin__scheduler_call__operation__init(target)
    }
}
extension Meseta__Twin__SchedulerCall__Subscribe: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__twin__scheduler_call__subscribe__init(target)
    }
}
extension Meseta__Twin__SchedulerCall__UpdateFramework: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__twin__scheduler_call__update_framework__init(target)
    }
}
extension Meseta__Twin__SchedulerEvent__Offers: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__twin__scheduler_event__offers__init(target) }
}
extension Meseta__Twin__SchedulerEvent__Update: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__twin__scheduler_event__update__init(target) }
}
extension Meseta__Twin__TaskGroupInfo: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__twin__task_group_info__init(target) }
}
extension Meseta__Twin__TaskInfo: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__twin__task_info__init(target) }
}
extension Meseta__V1__Address: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__address__init(target) }
}
extension Meseta__V1__Attribute: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__attribute__init(target) }
}
extension Meseta__V1__CheckInfo: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__check_info__init(target) }
}
extension Meseta__V1__CheckInfo__Command: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__check_info__command__init(target) }
}
extension Meseta__V1__CheckInfo__Http: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__check_info__http__init(target) }
}
extension Meseta__V1__CheckInfo__Tcp: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__check_info__tcp__init(target) }
}
extension Meseta__V1__TaskResourceLimitation: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__task_resource_limitation__init(target) }
}
extension Meseta__V1__CheckStatusInfo: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__check_status_info__init(target) }
}
extension Meseta__V1__CheckStatusInfo__Command: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__v1__check_status_info__command__init(target)
    }
}
extension Meseta__V1__CheckStatusInfo__Http: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__check_status_info__http__init(target) }
}
extension Meseta__V1__CheckStatusInfo__Tcp: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__check_status_info__tcp__init(target) }
}
extension Meseta__V1__CommandInfo: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__command_info__init(target) }
}
extension Meseta__V1__CommandInfo__URI: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__command_info__uri__init(target) }
}
extension Meseta__V1__DurationInfo: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__duration_info__init(target) }
}
extension Meseta__V1__Environment: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__environment__init(target) }
}
extension Meseta__V1__Environment__Variable: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__environment__variable__init(target) }
}
extension Meseta__V1__Executor__Call__Message: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__executor__call__message__init(target) }
}
extension Meseta__V1__Executor__Event__Acknowledged: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__v1__executor__event__acknowledged__init(target)
    }
}
extension Meseta__V1__Executor__Event__Error: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__executor__event__error__init(target) }
}
extension Meseta__V1__Executor__Event__Kill: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__executor__event__kill__init(target) }
}
extension Meseta__V1__Executor__Event__Message: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__executor__event__message__init(target) }
}
extension Meseta__V1__Filters: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__filters__init(target) }
}
extension Meseta__V1__FrameworkInfo__Capability: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__v1__framework_info__capability__init(target)
    }
}
extension Meseta__V1__FrameworkInfo__OfferFiltersEntry: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__v1__framework_info__offer_filters_entry__init(target)
    }
}
extension Meseta__V1__HealthCheck: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__health_check__init(target) }
}
extension Meseta__V1__HealthCheck__HTTPCheckInfo: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__v1__health_check__httpcheck_info__init(target)
    }
}
extension Meseta__V1__HealthCheck__TCPCheckInfo: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__v1__health_check__tcpcheck_info__init(target)
    }
}
extension Meseta__V1__InverseOffer: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__inverse_offer__init(target) }
}
extension Meseta__V1__KillPolicy: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__kill_policy__init(target) }
}
extension Meseta__V1__MasterInfo: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__master_info__init(target) }
}
extension Meseta__V1__OfferFilters: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__offer_filters__init(target) }
}
extension Meseta__V1__OfferFilters__MinAllocatableResources: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__v1__offer_filters__min_allocatable_resources__init(target)
    }
}
extension Meseta__V1__OfferFilters__ResourceQuantities: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__v1__offer_filters__resource_quantities__init(target)
    }
}
extension Meseta__V1__OfferFilters__ResourceQuantities__QuantitiesEntry: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__v1__offer_filters__resource_quantities__quantities_entry__init(target)
    }
}
extension Meseta__V1__RelayInfo: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__relay_info__init(target) }
}
extension Meseta__V1__Request: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__request__init(target) }
}
extension Meseta__V1__Resource: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__resource__init(target) }
}
extension Meseta__V1__Resource__AllocationInfo: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__resource__allocation_info__init(target) }
}
extension Meseta__V1__Subscription: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__subscription__init(target) }
}
extension Meseta__V1__TimeInfo: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__time_info__init(target) }
}
extension Meseta__V1__URL: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__url__init(target) }
}
extension Meseta__V1__Unavailability: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__unavailability__init(target) }
}
extension Meseta__V1__Value__Range: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__value__range__init(target) }
}
extension Meseta__V1__Value__Ranges: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__value__ranges__init(target) }
}
extension Meseta__V1__Value__Scalar: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__value__scalar__init(target) }
}
extension Meseta__V1__Value__Set: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__value__set__init(target) }
}
extension Meseta__V1__Value__Text: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__value__text__init(target) }
}
