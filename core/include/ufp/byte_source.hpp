// The bytes of a file, plain or gzip compressed, by position; compression stays behind this interface.
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

  // Copies up to `count` (decompressed) bytes that start at `offset`; fewer only where the readable bytes end.
  virtual std::size_t read(std::uint64_t offset, char *buffer, std::size_t count) = 0;
};

// The compression is recognised by the first bytes, not by the name. Throws ParseError if the file cannot be opened or
// is compressed in a way this build does not read. The readable bytes of a cut or damaged .gz end before the damage.
std::unique_ptr<ByteSource> open_bytes(const std::string &path);

}  // namespace ufp
