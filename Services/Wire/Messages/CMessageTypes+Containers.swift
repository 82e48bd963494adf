internal import CMessages
internal import CProtobufC

// The structs that containers are described with.

extension Meseta__V1__ContainerInfo: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__container_info__init(target) }
}
extension Meseta__V1__ContainerInfo__MesosInfo: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__v1__container_info__mesos_info__init(target)
    }
}
extension Meseta__V1__LocalImage: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__local_image__init(target) }
}
extension Meseta__V1__Volume: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__volume__init(target) }
}
extension Meseta__V1__Volume__Source: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__volume__source__init(target) }
}
extension Meseta__V1__Volume__Source__SandboxPath: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) {
        meseta__v1__volume__source__sandbox_path__init(target)
    }
}
extension Meseta__V1__Volume__Source__HostPath: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__volume__source__host_path__init(target) }
}
extension Meseta__V1__LinuxInfo: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__linux_info__init(target) }
}
extension Meseta__V1__CapabilityInfo: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__capability_info__init(target) }
}
extension Meseta__V1__RLimitInfo: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__rlimit_info__init(target) }
}
extension Meseta__V1__RLimitInfo__RLimit: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__rlimit_info__rlimit__init(target) }
}
extension Meseta__V1__TTYInfo: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__ttyinfo__init(target) }
}
extension Meseta__V1__TTYInfo__WindowSize: CMessage {
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__v1__ttyinfo__window_size__init(target) }
}
