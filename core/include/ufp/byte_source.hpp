// The bytes of a file, plain or compressed, by position; compression stays behind this interface.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace ufp
{

class ByteSource
{
 public:
  ByteSource() = default;
  virtual ~ByteSource() = default;
  ByteSource(const ByteSource &) = delete;
  ByteSource &operator=(const ByteSource &) = delete;

  // Copies up to `count` (decompressed) bytes that start at `offset`; fewer only where the readable bytes end now: a
  // file that grows may have more of them later.
  virtual std::size_t read(std::uint64_t offset, char *buffer, std::size_t count) = 0;
};

// The compression (none, gzip, zstd) is recognised by the first bytes, not by the name. Throws ParseError if the file
// cannot be opened or is compressed in a way this machine does not read. The readable bytes of a cut or damaged
// compressed file end before the damage.
std::unique_ptr<ByteSource> open_bytes(const std::string &path);

}  // namespace ufp
