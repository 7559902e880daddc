# Tile-parts (ITU-T T.800 A.4.2): whether all of them are there, and what their headers may change.

cdef int check_tile_header(Codestream* stream, size_t pos, size_t end, int64_t tile, Fault* fault) noexcept nogil:
    """Read a tile-part's header, from behind SOT to SOD; coding styles of its own may add packets."""
    cdef Codestream own = stream[0]
    cdef size_t length
    cdef int marker
    cdef bint changed = False
    while True:
        if end - pos < 2:
            return malformed(fault, b"stream_tile_part", b"a tile-part ends in its header", pos)
        marker = u16_at(stream.data + pos, True)
        if marker == SOD:
            break
        if marker < 0xFF50 or marker == SOT or marker == EOC or end - pos < 4:
            return malformed(fault, b"stream_marker",
                             b"a tile-part header holds something that is not a marker segment", pos)
        length = u16_at(stream.data + pos + 2, True)
        if length < 2 or length > end - pos - 2:
            return malformed(fault, b"stream_tile_part", b"a tile-part ends in its header", pos)
        if marker == COD or marker == COC:
            if read_coding(&own, own.component, marker, pos + 2, length, fault) != 0:
                return -1
            changed = True
        pos += 2 + length
    if changed:
        stream.packets += count_packets(&own, own.component, own.layers, tile)
        if stream.packets > 2 * <uint64_t>stream.size:
            return cut(fault, b"the codestream has fewer bytes than packets", pos, stream.packets, stream.size)
        stream.code_blocks += count_code_blocks(
            &own, own.component, min(<uint64_t>stream.tile_width * stream.tile_height, points_of(stream)))
        return check_code_blocks(stream, pos, fault)
    return 0


cdef size_t find_end(const Codestream* stream, size_t first) noexcept nogil:
    """Where the EOC marker lies in a stream whose last tile-part has no length; `size` when there is none.

    Bytes that pad the frame (PS3.5 A.4) may follow it.
    """
    cdef size_t end = stream.size
    while end > first and stream.data[end - 1] == 0:
        end -= 1
    if end - first >= 2 and u16_at(stream.data + end - 2, True) == EOC:
        return end - 2
    return stream.size


cdef int follow_tile_parts(Codestream* stream, uint8_t* parts, uint8_t* announced, Fault* fault) noexcept nogil:
    cdef const uint8_t* data = stream.data
    cdef size_t pos = stream.header_size
    cdef uint32_t tiles = stream.tiles_across * stream.tiles_down
    cdef uint32_t missing = 0
    cdef uint32_t short_of_parts = 0
    cdef uint32_t tile
    cdef size_t length
    cdef uint32_t i
    while stream.size - pos >= SOT_SIZE and u16_at(data + pos, True) == SOT:
        tile = u16_at(data + pos + 4, True)
        length = u32_at(data + pos + 6, True)
        if u16_at(data + pos + 2, True) != 10 or tile >= tiles:
            return malformed(fault, b"stream_tile_part", b"an SOT segment has a wrong length or tile", pos)
        if length == 0:
            length = find_end(stream, pos) - pos
        elif length < SOT_SIZE:
            return malformed(fault, b"stream_tile_part", b"a tile-part is shorter than its SOT segment", pos)
        elif length > stream.size - pos:
            return cut(fault, b"the codestream ends within a tile-part", pos, pos + length, stream.size)
        if length > SOT_SIZE and check_tile_header(stream, pos + SOT_SIZE, pos + length, tile, fault) != 0:
            return -1
        if parts[tile] < 255:
            parts[tile] += 1
        if data[pos + 11] > announced[tile]:
            announced[tile] = data[pos + 11]
        pos += length
    stream.has_eoc = stream.size - pos >= 2 and u16_at(data + pos, True) == EOC
    for i in range(tiles):
        missing += parts[i] == 0
        short_of_parts += parts[i] < announced[i]
    if missing != 0:
        return cut(fault, b"the codestream ends before its last tile", pos, tiles, tiles - missing)
    # with an EOC in place the count of tile-parts is taken for the lie: encoders are known to write it wrong
    if short_of_parts != 0 and not stream.has_eoc:
        return cut(fault, b"the codestream ends before its last tile-part", pos, tiles, tiles - short_of_parts)
    stream.size = pos + 2 if stream.has_eoc else pos
    return 0


cdef int check_tile_parts(Codestream* stream, Fault* fault) noexcept nogil:
    """Follow the chain of tile-parts (A.4.2) to its end; sets `has_eoc`, and `size` to what belongs to the stream.

    A stream that lacks only its EOC passes; one that ends within a tile-part, or before its last, does not.
    """
    cdef uint32_t tiles = stream.tiles_across * stream.tiles_down
    cdef uint8_t few[128]
    cdef uint8_t* counts = few
    cdef int status
    if tiles > 64:
        counts = <uint8_t*>calloc(2 * tiles, 1)
        if counts == NULL:
            return fail(fault, NO_MEMORY, b"no_memory", b"No memory for the tile table", 0, -1, -1, -1)
    else:
        memset(few, 0, sizeof(few))
    status = follow_tile_parts(stream, counts, counts + tiles, fault)
    if counts != few:
        free(counts)
    return status
