// SPDX-License-Identifier: Apache-2.0

// The peer of `make bench`: two endpoints of the music store as a Go team writes them, with gin and database/sql on
// pgx, whose prepared statements are kept. peer PORT DSN
package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	_ "github.com/jackc/pgx/v4/stdlib"
)

// Track is a row, in the JSON that the store answers with.
type Track struct {
	ID           int64     `json:"id"`
	Name         string    `json:"name"`
	Composer     *string   `json:"composer"`
	Milliseconds int32     `json:"milliseconds"`
	Bytes        *int64    `json:"bytes"`
	UnitPrice    string    `json:"unit_price"`
	AlbumID      *int64    `json:"album_id"`
	MediaTypeID  int64     `json:"media_type_id"`
	GenreID      *int64    `json:"genre_id"`
	CreatedAt    time.Time `json:"created_at"`
	UpdatedAt    time.Time `json:"updated_at"`
	Version      int64     `json:"version"`
}

const columns = `SELECT id, name, composer, milliseconds, bytes, unit_price, album_id, media_type_id, genre_id,
	created_at, updated_at, version FROM tracks`

func (t *Track) targets() []any {
	return []any{&t.ID, &t.Name, &t.Composer, &t.Milliseconds, &t.Bytes, &t.UnitPrice, &t.AlbumID, &t.MediaTypeID,
		&t.GenreID, &t.CreatedAt, &t.UpdatedAt, &t.Version}
}

// Both statements are prepared once, which database/sql does again on each of its connections.
type store struct{ find, list *sql.Stmt }

func (s store) getTrack(c *gin.Context) {
	id, err := strconv.ParseInt(c.Param("id"), 10, 64)
	if err != nil {
		c.JSON(http.StatusBadRequest, gin.H{"message": "the id is no number"})
		return
	}
	var track Track
	err = s.find.QueryRowContext(c.Request.Context(), id).Scan(track.targets()...)
	if errors.Is(err, sql.ErrNoRows) {
		c.JSON(http.StatusNotFound, gin.H{"message": "there is no such track"})
		return
	}
	if err != nil {
		c.JSON(http.StatusServiceUnavailable, gin.H{"message": err.Error()})
		return
	}
	c.JSON(http.StatusOK, track)
}

func (s store) listTracks(c *gin.Context) {
	limit, err := strconv.Atoi(c.DefaultQuery("limit", "20"))
	if err != nil || limit < 1 || limit > 200 {
		c.JSON(http.StatusBadRequest, gin.H{"message": "the limit is 1 to 200"})
		return
	}
	rows, err := s.list.QueryContext(c.Request.Context(), limit)
	if err != nil {
		c.JSON(http.StatusServiceUnavailable, gin.H{"message": err.Error()})
		return
	}
	defer rows.Close()
	tracks := make([]Track, 0, limit)
	for rows.Next() {
		var track Track
		if err := rows.Scan(track.targets()...); err != nil {
			c.JSON(http.StatusInternalServerError, gin.H{"message": err.Error()})
			return
		}
		tracks = append(tracks, track)
	}
	if err := rows.Err(); err != nil {
		c.JSON(http.StatusServiceUnavailable, gin.H{"message": err.Error()})
		return
	}
	c.JSON(http.StatusOK, gin.H{"items": tracks})
}

func run(port, dsn string) error {
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		return err
	}
	// Of 2, 4, 8, 16 and 64 this gave 64 requests at once the best p99 of both endpoints and the most rows by their
	// ids: with 64 the server's processes take turns for each statement. None is opened anew.
	db.SetMaxOpenConns(16)
	db.SetMaxIdleConns(16)
	var s store
	if s.find, err = db.PrepareContext(context.Background(), columns+" WHERE id = $1"); err != nil {
		return err
	}
	if s.list, err = db.PrepareContext(context.Background(), columns+" ORDER BY id LIMIT $1"); err != nil {
		return err
	}
	gin.SetMode(gin.ReleaseMode)
	router := gin.New()
	router.Use(gin.Recovery())
	router.GET("/api/v1/tracks/:id", s.getTrack)
	router.GET("/api/v1/tracks", s.listTracks)
	return http.ListenAndServe("127.0.0.1:"+port, router)
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: peer PORT DSN")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
