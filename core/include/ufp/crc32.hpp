// CRC-32 (ISO 3309) as zlib computes it, for a core that may be built without zlib.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ufp
{

std::uint32_t crc32(const char *data, std::size_t size) noexcept;

}  // namespace ufp
