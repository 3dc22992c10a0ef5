"""What every answer has in common: errors as JSON, bodies that are JSON objects, and headers that protect the page."""

from typing import Any

from flask import Flask, Request, Response, jsonify
from werkzeug.exceptions import HTTPException

MAX_BODY_BYTES = 64 * 1024

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

CODES = {
    400: "BAD_REQUEST",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    413: "BODY_TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
}


class AppError(Exception):
    """An error that a client may see: it becomes a JSON answer with this status."""

    def __init__(self, status: int, code: str, message: str, fields: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.fields = fields


def read_json(request: Request) -> dict[str, Any]:
    """The JSON object in a request's body; other types and broken JSON are refused."""
    if request.mimetype != "application/json":
        raise AppError(415, "UNSUPPORTED_MEDIA_TYPE", "Send the body as application/json.")
    value = request.get_json(silent=True)
    if not isinstance(value, dict):
        raise AppError(400, "INVALID_JSON", "The body must be a JSON object.")
    return value


def answer_errors(app: Flask) -> None:
    """Answers every error with `{"error", "code"}`; what went wrong inside is logged and not told."""

    @app.errorhandler(AppError)
    def known(error: AppError) -> tuple[Response, int]:
        body: dict[str, Any] = {"error": str(error), "code": error.code}
        if error.fields:
            body["fields"] = error.fields
        return jsonify(body), error.status

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> Response:
        response = error.get_response()
        status = error.code or 500
        answer = jsonify(error=error.description, code=CODES.get(status, "HTTP_ERROR"))
        answer.status_code = status
        if allow := response.headers.get("Allow"):
            answer.headers["Allow"] = allow
        return answer

    @app.errorhandler(Exception)
    def unknown(error: Exception) -> tuple[Response, int]:
        app.logger.error("a request failed", exc_info=error)
        return jsonify(error="Something went wrong on the server.", code="INTERNAL"), 500


def add_security_headers(app: Flask) -> None:
    """Adds the headers to every answer. What isn't a file may never be kept by a cache."""

    @app.after_request
    def add(response: Response) -> Response:
        for name, value in SECURITY_HEADERS.items():
            response.headers.setdefault(name, value)
        if response.mimetype == "application/json":
            response.headers.setdefault("Cache-Control", "no-store")
        return response
