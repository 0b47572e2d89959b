// Asio's TLS streams, compiled once; the rest of Asio is in server/async/asio.cpp.
#include <boost/asio/ssl/impl/src.hpp>
