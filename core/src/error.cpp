#include "ufp/error.hpp"

namespace ufp
{

ParseError::ParseError(const std::string &file, long line, const std::string &message)
    : std::runtime_error(file + ":" + std::to_string(line) + ": " + message)
{
}

}  // namespace ufp
