#define THREADED
#include <zookeeper/zookeeper.h>

/// The open access list; the library's own is a mutable global, which Swift refuses to read.
static inline const struct ACL_vector *meseta_open_acl(void) { return &ZOO_OPEN_ACL_UNSAFE; }
