// Growing byte buffers and the frames in them.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor.h"

void *allocate(size_t size) {
    void *memory = malloc(size ? size : 1);
    if (!memory) fail("out of memory", NULL, ENOMEM);
    return memory;
}

char *duplicate(const char *text) {
    size_t size = strlen(text) + 1;
    return memcpy(allocate(size), text, size);
}

uint8_t *buffer_reserve(struct buffer *buffer, size_t size) {
    if (buffer->start == buffer->length) buffer->start = buffer->length = 0;
    if (buffer->capacity - buffer->length < size && buffer->start) {
        memmove(buffer->data, buffer->data + buffer->start, buffer->length - buffer->start);
        buffer->length -= buffer->start;
        buffer->start = 0;
    }
    if (buffer->capacity - buffer->length < size) {
        size_t capacity = buffer->capacity ? buffer->capacity : 4096;
        while (capacity - buffer->length < size) capacity *= 2;
        uint8_t *data = realloc(buffer->data, capacity);
        if (!data) fail("out of memory", NULL, ENOMEM);
        buffer->data = data;
        buffer->capacity = capacity;
    }
    return buffer->data + buffer->length;
}

void buffer_append_frame(struct buffer *buffer, const ProtobufCMessage *message) {
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *bytes = buffer_reserve(buffer, size + 10);
    size_t head = 0;
    for (size_t rest = size; ; rest >>= 7) {
        bytes[head++] = (uint8_t)((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
        if (rest <= 0x7f) break;
    }
    protobuf_c_message_pack(message, bytes + head);
    buffer->length += head + size;
}

void buffer_drop(struct buffer *buffer, size_t size) {
    buffer->start += size;
    if (buffer->start < buffer->length) return;
    buffer->start = buffer->length = 0;
    if (buffer->capacity > BUFFER_KEPT) {
        free(buffer->data);
        buffer->data = NULL;
        buffer->capacity = 0;
    }
}

enum frame_result frame_find(const uint8_t *bytes, size_t size, size_t *head, size_t *length) {
    uint64_t value = 0;
    for (size_t index = 0; index < size; index++) {
        // Five bytes of seven bits hold more than any frame that is allowed.
        if (index == 5) return FRAME_BROKEN;
        value |= (uint64_t)(bytes[index] & 0x7f) << (7 * index);
        if (bytes[index] & 0x80) continue;
        if (value > FRAME_LIMIT) return FRAME_BROKEN;
        *head = index + 1;
        *length = (size_t)value;
        return size - *head >= *length ? FRAME_COMPLETE : FRAME_INCOMPLETE;
    }
    return size >= 5 ? FRAME_BROKEN : FRAME_INCOMPLETE;
}
