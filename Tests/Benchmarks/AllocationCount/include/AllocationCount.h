#pragma once

// How often this process has asked for memory. Counted from the start, if the program is linked with this.
unsigned long allocation_count(void);
