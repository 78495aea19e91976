#include "ufp/byte_source.hpp"

#include "decoder.hpp"
#include "ufp/error.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>
#include <vector>

namespace ufp
{
namespace
{

class FileDescriptor
{
 public:
  explicit FileDescriptor(const std::string &path)
      : path_(path), descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC))
  {
    if (descriptor_ < 0) throw ParseError(path, 0, std::string("cannot be opened: ") + std::strerror(errno));
  }
  ~FileDescriptor() { ::close(descriptor_); }
  FileDescriptor(const FileDescriptor &) = delete;
  FileDescriptor &operator=(const FileDescriptor &) = delete;

  std::size_t read(std::uint64_t offset, void *buffer, std::size_t count) const
  {
    std::size_t done = 0;
    while (done < count) {
      const ssize_t n =
          ::pread(descriptor_, static_cast<char *>(buffer) + done, count - done, static_cast<off_t>(offset + done));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) throw ParseError(path_, 0, std::string("cannot be read: ") + std::strerror(errno));
      if (n == 0) break;
      done += static_cast<std::size_t>(n);
    }
    return done;
  }

 private:
  std::string path_;
  int descriptor_;
};

class PlainSource final : public ByteSource
{
 public:
  explicit PlainSource(const std::string &path) : file_(path) {}
  std::size_t read(std::uint64_t offset, char *buffer, std::size_t count) override
  {
    return file_.read(offset, buffer, count);
  }

 private:
  FileDescriptor file_;
};

// Random access by copies of the decoder's state, at most `most_checkpoints` of them whatever the length.
class CompressedSource final : public ByteSource
{
 public:
  CompressedSource(const std::string &path, const std::unique_ptr<Decoder> &decoder)
      : file_(path), input_(std::size_t{1} << 17), waste_(std::size_t{1} << 17)
  {
    checkpoints_.push_back(decoder->copy());
    current_ = decoder->copy();
  }

  std::size_t read(std::uint64_t offset, char *buffer, std::size_t count) override
  {
    restore(offset);
    while (current_->produced < offset) {
      const std::uint64_t skip = offset - current_->produced;
      if (advance(waste_.data(), static_cast<std::size_t>(std::min<std::uint64_t>(skip, waste_.size()))) == 0) return 0;
    }
    std::size_t done = 0;
    while (done < count) {
      const std::size_t n = advance(buffer + done, count - done);
      if (n == 0) break;
      done += n;
    }
    return done;
  }

 private:
  static constexpr std::size_t most_checkpoints = 256;

  void restore(std::uint64_t offset)
  {
    const auto behind = [](std::uint64_t place, const auto &checkpoint) { return place < checkpoint->produced; };
    const auto &nearest = *std::prev(std::upper_bound(checkpoints_.begin(), checkpoints_.end(), offset, behind));
    if (current_->produced <= offset && nearest->produced <= current_->produced) return;
    current_ = nearest->copy();
    input_begin_ = input_end_ = 0;
  }

  // Up to `room` more bytes; 0 at the end.
  std::size_t advance(char *output, std::size_t room)
  {
    room = static_cast<std::size_t>(std::min<std::uint64_t>(room, spacing_));
    std::size_t made = 0;
    for (bool more = true; made == 0 && more && !current_->broken;) {
      if (input_begin_ == input_end_) {
        input_begin_ = 0;
        input_end_ = file_.read(current_->consumed, input_.data(), input_.size());
        more = input_end_ > 0;  // without, the decoder may still hold some output back
      }
      const std::uint64_t before = current_->consumed;
      made = current_->run(input_.data() + input_begin_, input_end_ - input_begin_, output, room);
      input_begin_ += static_cast<std::size_t>(current_->consumed - before);
      keep();
    }
    return made;
  }

  void keep()
  {
    if (current_->produced < checkpoints_.back()->produced + spacing_) return;
    std::unique_ptr<Decoder> state = current_->copy();
    if (!state) return;
    checkpoints_.push_back(std::move(state));
    if (checkpoints_.size() < most_checkpoints) return;
    for (std::size_t i = 2; i < most_checkpoints; i += 2) std::swap(checkpoints_[i / 2], checkpoints_[i]);
    checkpoints_.resize(most_checkpoints / 2);
    spacing_ *= 2;
  }

  FileDescriptor file_;
  std::vector<char> input_, waste_;
  std::size_t input_begin_ = 0, input_end_ = 0;
  std::uint64_t spacing_ = std::uint64_t{16} << 20;
  std::unique_ptr<Decoder> current_;
  std::vector<std::unique_ptr<Decoder>> checkpoints_;  // ascending, the first at byte 0
};

}  // namespace

std::unique_ptr<ByteSource> open_bytes(const std::string &path)
{
  unsigned char magic[4] = {0, 0, 0, 0};
  FileDescriptor(path).read(0, magic, sizeof magic);
  if (magic[0] == 0x1f && magic[1] == 0x8b) return std::make_unique<CompressedSource>(path, gzip_decoder(path));
  if (magic[0] == 0x28 && magic[1] == 0xb5 && magic[2] == 0x2f && magic[3] == 0xfd) {
    return std::make_unique<CompressedSource>(path, zstd_decoder(path));
  }
  return std::make_unique<PlainSource>(path);
}

}  // namespace ufp
